//! What befalls requests.

use crate::random::Random;

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    /// It does what it should.
    Fine,
    /// Somebody else came first: the name is taken.
    Overtaken,
    /// It fails, and does nothing.
    Before,
    /// It takes effect, and its reply is lost.
    After,
    /// It fails, and takes effect later.
    Late,
    /// It takes effect, and once more later.
    Twice,
    /// Its client stands still for hours or days, and then sends it.
    Stalled,
    /// Its client dies before it is sent.
    DiesBefore,
    /// It takes effect, and its client dies before it hears of it.
    DiesAfter,
    /// Its client dies, and it takes effect later.
    DiesLate,
}

impl Fate {
    /// What can befall a put.
    pub const OF_PUTS: [Self; 10] = [
        Self::Fine,
        Self::Overtaken,
        Self::Before,
        Self::After,
        Self::Late,
        Self::Twice,
        Self::Stalled,
        Self::DiesBefore,
        Self::DiesAfter,
        Self::DiesLate,
    ];

    /// A word for tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Overtaken => "overtaken",
            Self::Before => "before",
            Self::After => "after",
            Self::Late => "late",
            Self::Twice => "twice",
            Self::Stalled => "stalled",
            Self::DiesBefore => "dies",
            Self::DiesAfter => "dies/done",
            Self::DiesLate => "dies/late",
        }
    }

    /// Whether the client is dead after it.
    pub fn is_death(self) -> bool {
        matches!(self, Self::DiesBefore | Self::DiesAfter | Self::DiesLate)
    }
}

/// How likely what is in one schedule, in thousandths of requests. Each schedule has a mix of its
/// own: what is rare everywhere else is common somewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mix {
    /// Requests that fail in passing.
    pub failures: u64,
    /// Writes that take effect later, or once more.
    pub late: u64,
    /// Requests at which the client dies.
    pub deaths: u64,
    /// Requests at which the client stands still.
    pub stalls: u64,
    /// Listings that lag behind.
    pub stale: u64,
    /// Turns at which the same client goes on, if it can.
    pub sticky: u64,
}

impl Mix {
    /// The mix of a schedule.
    pub fn draw(random: &mut Random) -> Self {
        let mut some = |of: &[u64]| random.pick(of).copied().unwrap_or(0);
        Self {
            failures: some(&[0, 0, 5, 20, 60]),
            late: some(&[0, 5, 20, 80]),
            deaths: some(&[0, 2, 5, 15]),
            stalls: some(&[0, 2, 8, 20, 60]),
            stale: some(&[0, 100, 500]),
            sticky: some(&[0, 300, 700, 900]),
        }
    }

    /// What becomes of a request that changes something.
    pub fn of_write(&self, random: &mut Random) -> Fate {
        let all = [
            (self.failures / 2, Fate::Before),
            (self.failures - self.failures / 2, Fate::After),
            (self.late / 2, Fate::Late),
            (self.late - self.late / 2, Fate::Twice),
            (self.stalls, Fate::Stalled),
            (self.deaths, Fate::DiesBefore),
            (self.deaths, Fate::DiesAfter),
            (self.deaths, Fate::DiesLate),
        ];
        let mut left = random.below(1000);
        for (permille, fate) in all {
            if left < permille {
                return fate;
            }
            left -= permille;
        }
        Fate::Fine
    }

    /// What becomes of one that only reads.
    pub fn of_read(&self, random: &mut Random) -> Fate {
        let mut left = random.below(1000);
        for (permille, fate) in [
            (self.failures / 2, Fate::Before),
            (self.stalls / 8, Fate::Stalled),
            (self.deaths / 4, Fate::DiesBefore),
        ] {
            if left < permille {
                return fate;
            }
            left -= permille;
        }
        Fate::Fine
    }
}
