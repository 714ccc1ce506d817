//! What a new password must pass: Django's four validators.

mod common;
mod similarity;

use crate::characters::are_digits;
use crate::error::ConfigError;
use crate::settings::PasswordValidator;

use common::Common;
use similarity::Similarity;

/// What is wrong with a new password, in Django's words.
///
/// ```
/// use segue::passwords::Passwords;
///
/// let settings = segue::Settings::new("a key of fifty characters and more from a safe place");
/// let problems = Passwords::new(&settings)?.validate("2468", &[]).unwrap_err();
/// let codes: Vec<_> = problems.iter().map(|problem| problem.code).collect();
/// assert_eq!(codes, ["password_too_short", "password_too_common", "password_entirely_numeric"]);
/// # Ok::<(), segue::ConfigError>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Django's code: `password_too_short`, `password_too_similar`, `password_too_common`,
    /// `password_entirely_numeric`.
    pub code: &'static str,
    /// The sentence for the visitor.
    pub message: String,
}

/// The validators of `AUTH_PASSWORD_VALIDATORS`.
pub(super) struct Validators(Vec<Validator>);

enum Validator {
    MinimumLength(usize),
    Similarity(Similarity),
    Common(Common),
    Numeric,
}

impl Validators {
    pub(super) fn new(settings: &[PasswordValidator]) -> Result<Self, ConfigError> {
        let one = |settings: &PasswordValidator| {
            Ok(match settings {
                PasswordValidator::MinimumLength { min_length } => {
                    Validator::MinimumLength(*min_length)
                }
                PasswordValidator::UserAttributeSimilarity { user_attributes, max_similarity } => {
                    Validator::Similarity(Similarity {
                        user_attributes: user_attributes.clone(),
                        max_similarity: *max_similarity,
                    })
                }
                PasswordValidator::CommonPassword { password_list_path } => {
                    Validator::Common(Common::new(password_list_path.as_deref())?)
                }
                PasswordValidator::NumericPassword => Validator::Numeric,
            })
        };
        settings.iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn validate(
        &self,
        password: &str,
        user_attributes: &[(&str, &str)],
    ) -> Result<(), Vec<Problem>> {
        let problems: Vec<Problem> =
            self.0.iter().filter_map(|one| one.problem(password, user_attributes)).collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    pub(super) fn help_texts(&self) -> Vec<String> {
        self.0.iter().map(Validator::help_text).collect()
    }
}

impl Validator {
    fn help_text(&self) -> String {
        match self {
            Self::MinimumLength(least) => {
                let s = if *least == 1 { "" } else { "s" };
                format!("Your password must contain at least {least} character{s}.")
            }
            Self::Similarity(_) => {
                "Your password can’t be too similar to your other personal information.".to_owned()
            }
            Self::Common(_) => "Your password can’t be a commonly used password.".to_owned(),
            Self::Numeric => "Your password can’t be entirely numeric.".to_owned(),
        }
    }

    /// Source: the validators in `django/contrib/auth/password_validation.py`.
    fn problem(&self, password: &str, user_attributes: &[(&str, &str)]) -> Option<Problem> {
        let (code, message) = match self {
            Self::MinimumLength(least) if password.chars().count() < *least => {
                let s = if *least == 1 { "" } else { "s" };
                let message = format!(
                    "This password is too short. It must contain at least {least} character{s}."
                );
                ("password_too_short", message)
            }
            Self::Similarity(similarity) => {
                let attribute = similarity.found_in(password, user_attributes)?;
                let name = verbose_name(attribute);
                ("password_too_similar", format!("The password is too similar to the {name}."))
            }
            Self::Common(common) if common.has(password) => {
                ("password_too_common", "This password is too common.".to_owned())
            }
            Self::Numeric if are_digits(password) => {
                ("password_entirely_numeric", "This password is entirely numeric.".to_owned())
            }
            Self::MinimumLength(_) | Self::Common(_) | Self::Numeric => return None,
        };
        Some(Problem { code, message })
    }
}

/// What Django's form calls an attribute.
fn verbose_name(attribute: &str) -> String {
    match attribute {
        "email" => "email address".to_owned(),
        other => other.replace('_', " "),
    }
}
