//! An entry of `AUTH_PASSWORD_VALIDATORS`.

use std::path::{Path, PathBuf};

use config::{Map, Value, ValueKind};

use super::name_and;
use crate::settings::reader::texts;

/// What a new password must pass: an entry of `AUTH_PASSWORD_VALIDATORS`.
///
/// In the file it is a name or a table: `"MinimumLengthValidator"`,
/// `"django.contrib.auth.password_validation.MinimumLengthValidator"`, or
/// `{ NAME = "MinimumLengthValidator", OPTIONS = { min_length = 12 } }`.
///
/// ```
/// use segue::settings::PasswordValidator;
///
/// let mut settings = segue::Settings::new("a key of fifty characters and more from a safe place");
/// assert_eq!(settings.passwords.validators, PasswordValidator::defaults());
/// settings.passwords.validators = vec![PasswordValidator::MinimumLength { min_length: 15 }];
/// assert!(settings.validate().is_ok());
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum PasswordValidator {
    /// `UserAttributeSimilarityValidator`: it is not like what is known of the user.
    UserAttributeSimilarity {
        /// What it is compared with. Default: `username`, `first_name`, `last_name`, `email`.
        user_attributes: Vec<String>,
        /// From which likeness on it is refused, 0.1 or more. Default: 0.7.
        max_similarity: f64,
    },
    /// `MinimumLengthValidator`: it is long enough.
    MinimumLength {
        /// Characters. Default: 8.
        min_length: usize,
    },
    /// `CommonPasswordValidator`: it is not one that many people have.
    CommonPassword {
        /// A file with one password in lower case on each line, plain or gzipped. Default: Django's
        /// list of almost 20,000.
        password_list_path: Option<PathBuf>,
    },
    /// `NumericPasswordValidator`: it is not all digits.
    NumericPassword,
}

pub(super) const VALIDATORS: &str = "UserAttributeSimilarityValidator, MinimumLengthValidator, \
                          CommonPasswordValidator or NumericPasswordValidator, or Django's class \
                          paths; with options a table, { NAME = \"MinimumLengthValidator\", \
                          OPTIONS = { min_length = 12 } }";
pub(super) const SIMILARITIES: &str = "a max_similarity of 0.1 or more";

impl PasswordValidator {
    /// All four, with Django's options, in the order of a new Django project.
    ///
    /// Source: `django/conf/project_template`, `django/contrib/auth/password_validation.py`.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        let attributes = ["username", "first_name", "last_name", "email"];
        vec![
            Self::UserAttributeSimilarity {
                user_attributes: attributes.map(str::to_owned).to_vec(),
                max_similarity: 0.7,
            },
            Self::MinimumLength { min_length: 8 },
            Self::CommonPassword { password_list_path: None },
            Self::NumericPassword,
        ]
    }

    fn named(name: &str) -> Option<Self> {
        let class = name.strip_prefix("django.contrib.auth.password_validation.").unwrap_or(name);
        let position = match class {
            "UserAttributeSimilarityValidator" => 0,
            "MinimumLengthValidator" => 1,
            "CommonPasswordValidator" => 2,
            "NumericPasswordValidator" => 3,
            _ => return None,
        };
        Self::defaults().into_iter().nth(position)
    }

    pub(super) fn read(entry: &Value, base_dir: &Path) -> Option<Self> {
        let (name, mut rest) = name_and(entry)?;
        let options = match rest.remove("OPTIONS").map(|options| options.kind) {
            Some(ValueKind::Table(options)) => options,
            Some(_) => return None,
            None => Map::new(),
        };
        let mut validator = Self::named(&name)?;
        for (key, value) in options {
            match (&mut validator, key.as_str(), &value.kind) {
                (Self::MinimumLength { min_length }, "min_length", ValueKind::I64(length)) => {
                    *min_length = usize::try_from(*length).ok()?;
                }
                (
                    Self::UserAttributeSimilarity { user_attributes, .. },
                    "user_attributes",
                    ValueKind::Array(_),
                ) => *user_attributes = texts(&value)?,
                (
                    Self::UserAttributeSimilarity { max_similarity, .. },
                    "max_similarity",
                    ValueKind::Float(_) | ValueKind::I64(_),
                ) => {
                    *max_similarity =
                        value.into_float().ok().filter(|value| is_similarity(*value))?;
                }
                (
                    Self::CommonPassword { password_list_path },
                    "password_list_path",
                    ValueKind::String(path),
                ) => *password_list_path = Some(base_dir.join(path)),
                _ => return None,
            }
        }
        rest.is_empty().then_some(validator)
    }
}

pub(super) fn is_similarity(value: f64) -> bool {
    value >= 0.1
}
