//! The app `student`: it keeps a name in the visitor's session.

pub mod views;
