//! What is written: tables in Markdown, and a chart.

pub(crate) mod chart;
pub(crate) mod counts;
pub(crate) mod results;
pub(crate) mod slower;
pub(crate) mod speed;
pub(crate) mod table;
pub(crate) mod targets;
