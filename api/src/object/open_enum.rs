//! Names of which another version may know more.

/// Makes an enum of texts that reads every text.
///
/// What it does not know becomes `Other` and is written again as it was read: an object with a phase
/// of a newer version is one whose phase is not understood, not one that cannot be read. Null, and
/// the text after `empty`, if given, are the default. Names after `last` are those after which
/// nothing follows.
///
/// The schema lists the known names, so that a server refuses others.
macro_rules! open_enum {
    (
        $(#[$meta:meta])*
        $name:ident {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
        }
        default $default:ident $(also $empty:literal)?
        $(last $($last:ident)|+)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, Debug)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A name that this version does not know.
            Other(String),
        }

        impl $name {
            /// The names that this version knows, in the order of the definition.
            pub const KNOWN: &'static [&'static str] = &[$($text),+];

            /// The name, as it is in objects.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }

            $(
                /// Whether nothing follows. Of a name that is not known nobody can tell: no.
                pub fn is_last(&self) -> bool {
                    matches!(self, $(Self::$last)|+)
                }
            )?
        }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($empty => Self::$default,)?
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.to_owned()),
                }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                let text = <Option<String> as ::serde::Deserialize>::deserialize(deserializer)?;
                Ok(text.map_or_else(Self::default, |text| Self::from(text.as_str())))
            }
        }

        impl ::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut ::schemars::SchemaGenerator) -> ::schemars::Schema {
                ::schemars::json_schema!({ "type": "string", "enum": Self::KNOWN })
            }
        }
    };
}

pub(crate) use open_enum;

#[cfg(test)]
#[expect(unreachable_pub, reason = "the macro makes what is public")]
mod tests {
    use serde_json::{Value, json};

    open_enum! {
        /// For the tests.
        Phase {
            /// Nothing happened.
            New = "New",
            /// Nothing will happen.
            Done = "Done",
        }
        default New also ""
        last Done
    }

    fn read(value: Value) -> Phase {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn empty_null_and_new_are_new() {
        for value in [json!(""), json!(null), json!("New")] {
            assert_eq!(read(value), Phase::New);
        }
        assert_eq!(Phase::default(), Phase::New);
    }

    #[test]
    fn a_phase_of_a_newer_version_keeps_its_text() {
        let phase = read(json!("Hibernating"));
        assert_eq!(phase, Phase::Other("Hibernating".to_owned()));
        assert_eq!(serde_json::to_value(&phase).unwrap(), "Hibernating");
        assert!(!phase.is_last());
    }

    #[test]
    fn only_what_is_named_so_is_last() {
        assert!(read(json!("Done")).is_last());
        assert!(!Phase::New.is_last());
    }

    #[test]
    fn what_is_no_text_is_refused() {
        serde_json::from_value::<Phase>(json!(3)).unwrap_err();
    }
}
