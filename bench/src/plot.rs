//! One picture per group: how doze compares, and how cost grows with work.

use std::error::Error;

use plotters::prelude::*;

use crate::goals::show_ratio;
use crate::report::{Curve, Report, Row, median};

const WIDTH: u32 = 900;
const LINE: u32 = 24;
const PANEL: u32 = 250;
/// Where the ratios begin, right of the rows' names, and how wide they are.
const LEFT: i32 = 470;
const SPAN: f64 = 340.0;

const TEXT: RGBColor = RGBColor(36, 41, 47);
const FAINT: RGBColor = RGBColor(175, 184, 193);
const BETTER: RGBColor = RGBColor(26, 127, 55);
const WORSE: RGBColor = RGBColor(207, 34, 46);
const NEUTRAL: RGBColor = RGBColor(9, 105, 218);
const GOAL: RGBColor = RGBColor(154, 103, 0);

/// The same picture for those who read light on dark: the background is the
/// page's.
const STYLE: &str = "<style>@media (prefers-color-scheme: dark) {\
    text { fill: #E6EDF3 } [stroke=\"#24292F\"] { stroke: #E6EDF3 }\
    [stroke=\"#AFB8C1\"] { stroke: #484F58 }\
    [fill=\"#1A7F37\"] { fill: #3FB950 } [stroke=\"#1A7F37\"] { stroke: #3FB950 }\
    [fill=\"#CF222E\"] { fill: #F85149 } [stroke=\"#CF222E\"] { stroke: #F85149 }\
    [fill=\"#0969DA\"] { fill: #58A6FF } [stroke=\"#0969DA\"] { stroke: #58A6FF }\
    [stroke=\"#9A6700\"] { stroke: #D29922 } }</style>";

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

/// The group's picture; nothing where there is nothing to draw.
pub(crate) fn picture(report: &Report, group: &str) -> Result<Option<String>, String> {
    let rows: Vec<&Row> =
        report.rows(Some(group)).filter(|row| row.ratios().iter().any(|r| r.is_finite())).collect();
    let curves: Vec<&Curve> = report.curves(group).filter(|curve| curve.points.len() > 1).collect();
    if rows.is_empty() && curves.is_empty() {
        return Ok(None);
    }
    let head = if rows.is_empty() { 0 } else { (rows.len() as u32 + 3) * LINE };
    let height = head + curves.len().div_ceil(2) as u32 * PANEL;
    let mut svg = String::new();
    draw(&mut svg, (WIDTH, height), head, &rows, &curves)
        .map_err(|error| format!("cannot draw {group}: {error}"))?;
    let body = svg.find("<svg").and_then(|at| Some(at + svg[at..].find('>')? + 1)).unwrap_or(0);
    svg.insert_str(body, STYLE);
    Ok(Some(svg))
}

fn draw(
    svg: &mut String,
    size: (u32, u32),
    head: u32,
    rows: &[&Row],
    curves: &[&Curve],
) -> Result<(), Box<dyn Error>> {
    let area = SVGBackend::with_string(svg, size).into_drawing_area();
    let (top, rest) = area.split_vertically(head);
    if !rows.is_empty() {
        draw_ratios(&top, rows)?;
    }
    let panels = rest.split_evenly((curves.len().div_ceil(2).max(1), 2));
    for (curve, panel) in curves.iter().zip(&panels) {
        draw_curve(panel, curve)?;
    }
    area.present()?;
    Ok(())
}

/// A dot for each row on one logarithmic scale, the rounds' spread as a line.
fn draw_ratios(area: &Area<'_>, rows: &[&Row]) -> Result<(), Box<dyn Error>> {
    let all = || {
        let goals = rows.iter().filter_map(|row| row.ratio_goal()).map(|(ratio, _)| ratio);
        let ratios = rows.iter().flat_map(|row| row.ratios());
        goals.chain(ratios).chain([1.0]).filter(|ratio| *ratio > 0.0)
    };
    let least = all().fold(1.0, f64::min).ln() - 0.1;
    let most = all().fold(1.0, f64::max).ln() + 0.1;
    let x = |ratio: f64| LEFT + ((ratio.max(1e-9).ln() - least) / (most - least) * SPAN) as i32;
    let style = ("sans-serif", 13).into_font().color(&TEXT);
    let bottom = (rows.len() as i32 + 1) * LINE as i32;
    let legend = "doze : reference, on a logarithmic scale; dot: median, line: lowest to highest, tick: goal";
    area.draw(&Text::new(legend, (LEFT - 20, 4), ("sans-serif", 11).into_font().color(&TEXT)))?;
    for tick in [0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0_f64] {
        if tick.ln() < least || tick.ln() > most {
            continue;
        }
        let color = if tick == 1.0 { TEXT } else { FAINT };
        area.draw(&PathElement::new(vec![(x(tick), LINE as i32), (x(tick), bottom)], color))?;
        area.draw(&Text::new(format!("{tick}"), (x(tick) - 6, bottom + 4), style.clone()))?;
    }
    for (index, row) in rows.iter().enumerate() {
        let y = (index as i32 + 1) * LINE as i32 + LINE as i32 / 2;
        let ratios = row.ratios();
        let middle = median(&ratios);
        let color = match row.ratio_goal() {
            Some((goal, true)) if middle >= goal => BETTER,
            Some((goal, false)) if middle <= goal => BETTER,
            Some(_) => WORSE,
            None => NEUTRAL,
        };
        let name = format!("{} : {}", row.name, row.reference_name);
        area.draw(&Text::new(name, (4, y - 8), style.clone()))?;
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        let line = vec![(x(low), y), (x(high), y)];
        area.draw(&PathElement::new(line, color.stroke_width(3)))?;
        area.draw(&Circle::new((x(middle), y), 5, color.filled()))?;
        if let Some((goal, _)) = row.ratio_goal() {
            let tick = vec![(x(goal), y - 9), (x(goal), y + 9)];
            area.draw(&PathElement::new(tick, GOAL.stroke_width(2)))?;
        }
        let figure = Text::new(show_ratio(middle), (LEFT + SPAN as i32 + 30, y - 8), style.clone());
        area.draw(&figure)?;
    }
    Ok(())
}

/// Both axes from nothing, so that what grows with work is a straight line.
fn draw_curve(area: &Area<'_>, curve: &Curve) -> Result<(), Box<dyn Error>> {
    let points = &curve.points;
    let right = points.last().map_or(1.0, |(x, _)| *x);
    let top = points.iter().map(|(_, y)| *y).fold(0.0, f64::max) * 1.15;
    let top = if top > 0.0 { top } else { 1.0 };
    let title = match curve.unit.name() {
        "" => curve.name.to_owned(),
        unit => format!("{}, {unit}", curve.name),
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 14).into_font().color(&TEXT))
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right * 1.04, 0.0..top)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(FAINT)
        .axis_style(TEXT)
        .x_labels(5)
        .y_labels(5)
        .x_desc(curve.x)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| {
            if top < 1.0 {
                format!("{y:.2}")
            } else if top < 10.0 {
                format!("{y:.1}")
            } else {
                format!("{y:.0}")
            }
        })
        .label_style(("sans-serif", 12).into_font().color(&TEXT))
        .draw()?;
    chart.draw_series(LineSeries::new(points.iter().copied(), NEUTRAL.stroke_width(2)))?;
    chart.draw_series(points.iter().map(|point| Circle::new(*point, 4, NEUTRAL.filled())))?;
    Ok(())
}
