//! Every screen of the kiosk as a picture, without a display: `--list`, or `--out DIR` for all of them, with `--only
//! NAME` (the beginning of a name) and `--size WxH` for some. With `--window NAME` it opens that screen in a real
//! window instead, for `--seconds N` or until it is closed, and prints what touches mean.

mod catalogue;
mod synthetic;

use std::error::Error;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use druid::Size;
use druid::tests::harness::Harness;
use vestibule_kiosk::ui::bridge::{self, Extent, Options};
use vestibule_kiosk::ui::surface::{Outlet, Surface};
use vestibule_kiosk::video::slot::PictureSlots;
use vestibule_kiosk::view::View;

const SIZES: [(u32, u32); 3] = [(1280, 800), (1024, 600), (800, 480)];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    let views = catalogue::catalogue();
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, _) in &views {
            println!("{name}");
        }
        return Ok(());
    }
    let size = value("--size").map(|size| parse_size(&size)).transpose()?;
    if let Some(name) = value("--window") {
        let view = views.into_iter().find(|(known, _)| *known == name).ok_or("no such view; see --list")?.1;
        let seconds = value("--seconds").map(|seconds| seconds.parse()).transpose()?;
        return window(view, size, seconds);
    }
    let out = PathBuf::from(value("--out").ok_or("say --list, --window NAME or --out DIR")?);
    std::fs::create_dir_all(&out)?;
    let only = value("--only").unwrap_or_default();
    let sizes = size.map_or(SIZES.to_vec(), |size| vec![size]);
    for (name, view) in views.iter().filter(|(name, _)| name.starts_with(&only)) {
        for (width, height) in &sizes {
            render(view, *width, *height, &out.join(format!("{name}-{width}x{height}.png")))?;
        }
    }
    Ok(())
}

fn parse_size(size: &str) -> Result<(u32, u32), Box<dyn Error>> {
    let (width, height) = size.split_once('x').ok_or("a size is WxH")?;
    Ok((width.parse()?, height.parse()?))
}

fn render(view: &View, width: u32, height: u32, path: &Path) -> Result<(), Box<dyn Error>> {
    let size = Size::new(f64::from(width), f64::from(height));
    let slots = PictureSlots::default();
    let outlet = Outlet { intents: Box::new(|_| {}), keys: Box::new(|_| {}) };
    let surface = Surface::new(view.clone(), slots.clone(), outlet);
    let mut pixels = None;
    Harness::create_with_render(
        (),
        surface,
        size,
        |harness| {
            harness.set_initial_size(size);
            harness.send_initial_events();
            harness.just_layout();
            synthetic::fill(&slots, view, 1);
            harness.paint();
        },
        |target| pixels = Some(target.into_raw()),
    );
    let pixels = pixels.ok_or("nothing was painted")?;
    let mut encoder = png::Encoder::new(BufWriter::new(File::create(path)?), width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(&pixels)?;
    Ok(())
}

fn window(view: View, size: Option<(u32, u32)>, seconds: Option<u64>) -> Result<(), Box<dyn Error>> {
    let slots = PictureSlots::default();
    let extent = size.map_or(Extent::Full, |(width, height)| Extent::Window { width, height });
    let options = Options { extent, position: None, title: view.room_name.clone(), vsync: false };
    let (screen, handle) = bridge::open(
        &options,
        slots.clone(),
        view.clone(),
        |intent| println!("{intent:?}"),
        |edge| println!("{edge:?}"),
    )?;
    let pictures = handle.clone();
    std::thread::spawn(move || pictures.lay_pictures());
    std::thread::spawn(move || {
        for sequence in 1.. {
            if seconds.is_some_and(|seconds| sequence > seconds * 30) {
                handle.quit();
                break;
            }
            for id in synthetic::fill(&slots, &view, sequence) {
                handle.picture_changed(id);
            }
            std::thread::sleep(std::time::Duration::from_millis(33));
        }
    });
    screen.run()?;
    Ok(())
}
