//! The sessions that are meant, a page at a time.

use std::error::Error;

use super::filter::Filter;
use super::place::Place;
use super::summary::{Reader, Summary};
use crate::engines::{Listed, Pages};

/// The sessions that are meant, a page at a time: of a million no more are in memory.
pub(super) struct Walk<'a> {
    pages: Pages,
    filter: &'a Filter,
    /// Nothing where no data are read.
    reader: Option<Reader<'a>>,
}

impl<'a> Walk<'a> {
    /// With what the sessions say of themselves, where it can be read.
    pub(super) fn with_data(
        place: &'a Place<'_>,
        filter: &'a Filter,
    ) -> Result<Self, Box<dyn Error>> {
        let reader = Reader::of(place)?;
        Ok(Self { pages: place.listable()?.pages(reader.is_some()), filter, reader })
    }

    /// Without it, unless the filter looks at it.
    pub(super) fn new(place: &'a Place<'_>, filter: &'a Filter) -> Result<Self, Box<dyn Error>> {
        if filter.needs_data() {
            return Self::with_data(place, filter);
        }
        Ok(Self { pages: place.listable()?.pages(false), filter, reader: None })
    }

    /// Those of the next page; nothing after the last one, or an error where some could not be read.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<(Listed, Summary)>>, Box<dyn Error>> {
        let Some(page) = self.pages.next().await? else { return Ok(None) };
        let mut found = Vec::new();
        for mut session in page.into_iter().filter(|session| self.filter.fits(session)) {
            let summary = match &self.reader {
                Some(reader) => reader.summary(&mut session).await?,
                None => Summary::default(),
            };
            session.payload = None;
            if self.filter.fits_data(&summary) {
                found.push((session, summary));
            }
        }
        Ok(Some(found))
    }
}
