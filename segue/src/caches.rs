//! Caches: each is one file that implements [`Cache`](crate::Cache).
