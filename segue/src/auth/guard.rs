//! Who may come in.

mod extract;
mod layer;
mod refusal;

pub use extract::{LoginRequired, Permission, PermissionRequired};
pub use layer::{
    Guard, GuardFuture, Guarded, login_required, permission_required, user_passes_test,
};
pub use refusal::Refusal;
