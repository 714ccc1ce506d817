//! What can be said of samples.

use std::time::Duration;

/// The value below which this share of the samples is.
pub(crate) fn quantile(samples: &mut [Duration], share: f64) -> Duration {
    samples.sort_unstable();
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let place = ((samples.len() as f64 - 1.0) * share).round() as usize;
    samples.get(place).copied().unwrap_or_default()
}

/// How well one sample tells from which of two piles it is: half for not at all, 1 for always. The
/// area under the ROC curve, with the z of Mann and Whitney's test.
pub(crate) fn separation(one: &[Duration], other: &[Duration]) -> (f64, f64) {
    let wins: f64 = one
        .iter()
        .map(|a| {
            other
                .iter()
                .map(|b| match a.cmp(b) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                })
                .sum::<f64>()
        })
        .sum();
    #[allow(clippy::cast_precision_loss, reason = "short lists")]
    let (n, m) = (one.len() as f64, other.len() as f64);
    let sigma = (n * m * (n + m + 1.0) / 12.0).sqrt();
    (wins / (n * m), (wins - n * m / 2.0) / sigma)
}

/// The middle one, or the mean of the two in the middle; NaN of nothing.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (Some(below), Some(above)) =
        (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2))
    else {
        return f64::NAN;
    };
    f64::midpoint(*below, *above)
}

/// How far the samples are apart, by their median: 0.1 where the largest is a tenth of it above the
/// smallest.
pub(crate) fn spread(samples: &[f64]) -> f64 {
    let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
    let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (most - least) / median(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(values: &[u64]) -> Vec<Duration> {
        values.iter().map(|&value| Duration::from_millis(value)).collect()
    }

    #[test]
    fn piles_are_told_apart_where_they_differ() {
        assert!(separation(&millis(&[1, 2, 3]), &millis(&[1, 2, 3])).0 - 0.5 < 1e-9);
        assert!((separation(&millis(&[4, 5]), &millis(&[1, 2])).0 - 1.0).abs() < 1e-9);
        assert_eq!(quantile(&mut millis(&[3, 1, 2]), 0.5), Duration::from_millis(2));
    }

    #[test]
    fn the_middle_and_the_spread_do_not_depend_on_the_order() {
        assert!((median(&[9.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((median(&[4.0, 1.0, 2.0, 9.0]) - 3.0).abs() < 1e-9);
        assert!(median(&[]).is_nan());
        assert!((spread(&[11.0, 9.0, 10.0]) - 0.2).abs() < 1e-9);
    }
}
