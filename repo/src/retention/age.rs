//! Spans of time by the calendar.

use std::fmt;

use jiff::{Span, Zoned};

/// A span of years, months, days and hours; a month is as long as the calendar says.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Age {
    /// Years.
    pub years: u16,
    /// Months.
    pub months: u16,
    /// Days; they are as long as the time zone has them.
    pub days: u16,
    /// Hours.
    pub hours: u16,
}

impl Age {
    /// The moment that lies so long before `time`; `None` if the calendar does not reach there.
    pub(super) fn before(self, time: &Zoned) -> Option<Zoned> {
        let span = Span::new().try_years(self.years).ok()?;
        let span = span.try_months(self.months).ok()?;
        let span = span.try_days(self.days).ok()?;
        let span = span.try_hours(self.hours).ok()?;
        time.checked_sub(span).ok()
    }
}

impl fmt::Display for Age {
    /// As it is written on a command line: `1y6m`, `7d`, `0h`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            (self.years, 'y'),
            (self.months, 'm'),
            (self.days, 'd'),
            (self.hours, 'h'),
        ];
        if parts.iter().all(|(number, _)| *number == 0) {
            return f.write_str("0h");
        }
        parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}
