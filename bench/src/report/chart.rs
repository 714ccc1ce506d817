//! The chart beside the table: how many reads and writes a second each server does on its core.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::table::thousands;
use crate::Result;
use crate::catalogue::Class;
use crate::harness::server::Route;
use crate::measure::{Measured, Row};

const WIDTH: u32 = 900;
const NAMES: i32 = 278;
const BARS: i32 = 512;
const BAR: i32 = 9;
const ROW: i32 = 26;
const HEADING: i32 = 34;
const HEAD: i32 = 44;

/// They are told apart on white and on black.
const TEXT: RGBColor = RGBColor(0x57, 0x60, 0x6A);
const OURS: [RGBColor; 2] = [RGBColor(0x2F, 0x81, 0xF7), RGBColor(0x1A, 0x56, 0xB8)];
const THEIRS: [RGBColor; 2] = [RGBColor(0xA3, 0xAC, 0xB6), RGBColor(0x79, 0x82, 0x8C)];
const LIMIT: [RGBColor; 2] = [RGBColor(0xE3, 0xB3, 0x41), RGBColor(0xB0, 0x84, 0x1F)];

/// Text is brighter where the page is dark; attributes give way to a style.
const STYLE: &str = "<style>text{font-family:system-ui,sans-serif}\
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>";

/// An SVG.
pub(crate) fn svg(measured: &Measured) -> Result<String> {
    let classes: Vec<(Class, Vec<&Row>)> = Class::ALL
        .into_iter()
        .map(|class| (class, measured.rows.iter().filter(move |row| row.contender.class == class)))
        .map(|(class, rows)| (class, rows.collect::<Vec<_>>()))
        .filter(|(_, rows)| !rows.is_empty())
        .collect();
    let rows = i32::try_from(measured.rows.len())?;
    let height = HEAD + HEADING * i32::try_from(classes.len())? + ROW * rows + 10;
    let of_row = |row: &Row| [Route::Read, Route::Write].map(|route| row.per_second(route));
    let most = measured.rows.iter().flat_map(of_row).fold(1.0, f64::max);
    let mut text = String::new();
    {
        let area =
            SVGBackend::with_string(&mut text, (WIDTH, height.try_into()?)).into_drawing_area();
        head(&area)?;
        let mut top = HEAD;
        for (class, rows) in classes {
            write(&area, class.title(), (12, top + HEADING - 10), 15.0, HPos::Left)?;
            top += HEADING;
            for row in rows {
                bars(&area, row, top, most)?;
                top += ROW;
            }
        }
        area.present()?;
    }
    // After the opening tag.
    let end = text.find("<svg").and_then(|start| Some(start + text.get(start..)?.find('>')? + 1));
    text.insert_str(end.ok_or("an SVG begins with its tag")?, STYLE);
    Ok(text)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn head(area: &Area<'_>) -> Result {
    let title = "Reads (light) and writes (dark) per second on one core";
    write(area, title, (12, 24), 17.0, HPos::Left)?;
    for (place, (colors, name)) in
        [(OURS, "Segue"), (THEIRS, "others"), (LIMIT, "limits")].into_iter().enumerate()
    {
        let left = 660 + i32::try_from(place)? * 80;
        for (half, color) in colors.into_iter().enumerate() {
            let left = left + i32::try_from(half)? * 6;
            fill(area, (left, 13), (left + 6, 25), color)?;
        }
        write(area, name, (left + 17, 24), 13.0, HPos::Left)?;
    }
    Ok(())
}

fn bars(area: &Area<'_>, row: &Row, top: i32, most: f64) -> Result {
    let colors = match row.contender {
        contender if contender.is_ours() => OURS,
        contender if contender.is_limit() => LIMIT,
        _ => THEIRS,
    };
    write(area, row.contender.name, (NAMES - 8, top + 14), 13.0, HPos::Right)?;
    for (place, route) in [Route::Read, Route::Write].into_iter().enumerate() {
        let speed = row.per_second(route);
        let top = top + i32::try_from(place)? * (BAR + 1);
        #[allow(clippy::cast_possible_truncation, reason = "some hundred pixels")]
        let length = (speed / most * f64::from(BARS)).round().max(1.0) as i32;
        if let Some(color) = colors.get(place) {
            fill(area, (NAMES, top), (NAMES + length, top + BAR), *color)?;
        }
        write(area, &thousands(speed), (NAMES + length + 4, top + BAR), 10.0, HPos::Left)?;
    }
    Ok(())
}

fn fill(area: &Area<'_>, from: (i32, i32), to: (i32, i32), color: RGBColor) -> Result {
    Ok(area.draw(&Rectangle::new([from, to], color.filled())).map_err(|error| error.to_string())?)
}

/// A text whose line stands at this point.
fn write(area: &Area<'_>, text: &str, at: (i32, i32), size: f64, anchor: HPos) -> Result {
    let style = ("sans-serif", size).into_font().color(&TEXT);
    let style = style.pos(Pos::new(anchor, VPos::Bottom));
    Ok(area.draw(&Text::new(text.to_owned(), at, style)).map_err(|error| error.to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::tests::row;

    #[test]
    fn a_bar_is_as_long_as_the_server_is_fast() {
        let measured = Measured { rows: vec![row("segue-memory")], failures: Vec::new() };
        let svg = svg(&measured).unwrap();
        assert!(svg.contains("segue-memory") && svg.contains(STYLE), "{svg}");
        // 800 reads and 600 writes a second, see there.
        for length in [f64::from(BARS), f64::from(BARS) * 0.75] {
            assert!(svg.contains(&format!("width=\"{length}\"")), "{svg}");
        }
        assert!(svg.contains("\n800\n") && svg.contains("\n600\n"), "{svg}");
    }
}
