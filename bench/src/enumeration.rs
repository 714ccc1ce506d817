//! Whether the time that a failed login takes tells if there is such a user.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use tower::ServiceExt as _;

use crate::Result;
use crate::report::table::Table;
use crate::site::{login, site};
use crate::statistics::{quantile, separation};

/// Of each kind.
const ATTEMPTS: usize = 200;

pub(crate) async fn run() -> Result<String> {
    let (app, _folder) = site(1, |_| {}).await?;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    // One of each in turn, and each first as often, so that what the machine does besides falls on
    // both alike.
    for round in 0..ATTEMPTS {
        let order = if round % 2 == 0 { ["user0", "nobody"] } else { ["nobody", "user0"] };
        for username in order {
            let took = attempt(&app, username).await?;
            if username == "user0" { known.push(took) } else { unknown.push(took) }
        }
    }
    let (area, z) = separation(&known, &unknown);
    let mut table = Table::new(&["", "p5", "p25", "median", "p75", "p95"]);
    for (name, samples) in [("exists", &mut known), ("does not", &mut unknown)] {
        let shares = [0.05, 0.25, 0.5, 0.75, 0.95].map(|share| quantile(samples, share));
        let cells = shares.map(|share| format!("{share:.2?}"));
        table.row(std::iter::once(name.to_owned()).chain(cells));
    }
    Ok(format!(
        "## Failed logins of a user who exists and of one who does not, {ATTEMPTS} each\n\n{}\nOne sample \
         tells which it was in {:.1} % of cases (50 % is chance), z = {z:.2}\n(|z| under 1.96 is what chance \
         does in 95 of 100 runs).\n\n",
        table.into_text(),
        area.max(1.0 - area) * 100.0
    ))
}

async fn attempt(app: &Router, username: &str) -> Result<Duration> {
    let request = login(username, "a wrong guess")?;
    let started = Instant::now();
    let answer = app.clone().oneshot(request).await?;
    let took = started.elapsed();
    if answer.status() == StatusCode::OK {
        return Ok(took);
    }
    Err(format!("a failed login was answered with {}", answer.status()).into())
}
