//! Pictures for the gallery: a plain room drawn from a few colours, different for each member, moving a little.

use std::sync::Arc;

use vestibule_common::time::Time;
use vestibule_kiosk::video::slot::{Picture, PictureSlots};
use vestibule_kiosk::view::{PictureId, Screen, View};

/// Puts a picture into the slot of everyone the view shows. Returns whose.
pub(crate) fn fill(slots: &PictureSlots, view: &View, sequence: u64) -> Vec<PictureId> {
    let mut ids = vec![PictureId::Own];
    if let Screen::Meeting(meeting) = &view.screen {
        ids.extend(meeting.tiles.iter().chain(&meeting.presentation).map(|tile| tile.picture));
    }
    ids.retain(|id| slots.size(*id).is_some());
    for id in &ids {
        let Some(size) = slots.size(*id) else { continue };
        slots.put(*id, picture(*id, size.width, size.height, sequence));
    }
    ids
}

/// A page with a heading and lines of text.
fn page(width: usize, height: usize, sequence: u64) -> Picture {
    let (paper, ink) = ([0xec, 0xec, 0xe8], [0x28, 0x2c, 0x34]);
    let line = (height / 24).max(4);
    let pixel = |x: usize, y: usize| {
        let (row, within) = (y / line, y % line);
        let inside = x > width / 12 && row > 1 && row < 22;
        let long = width * (5 + (row * 7 + sequence as usize) % 5) / 12;
        let inked = inside
            && x < long
            && row % 2 == 0
            && within > line / 3
            && !(x / (line / 2).max(1)).is_multiple_of(7);
        if inked { ink } else { paper }
    };
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let bgrx: Vec<u8> = pixels
        .flat_map(|(x, y)| {
            let [r, g, b] = pixel(x, y);
            [b, g, r, 0]
        })
        .collect();
    Picture { width, height, bgrx: Arc::from(bgrx), sequence, captured: Time::ZERO }
}

fn picture(id: PictureId, width: usize, height: usize, sequence: u64) -> Picture {
    let number = match id {
        PictureId::OwnPresentation | PictureId::Presentation(_) => return page(width, height, sequence),
        PictureId::Own => 0,
        PictureId::Room(peer) => usize::from(peer.0[0]),
    };
    let walls =
        [[0x8f, 0x86, 0x7a], [0x5b, 0x78, 0x86], [0x7c, 0x6f, 0x8a], [0x6a, 0x84, 0x6c], [0x93, 0x72, 0x66]];
    let shirts = [[0x2d, 0x4d, 0x7a], [0x7a, 0x35, 0x35], [0x2f, 0x5e, 0x4c], [0x5c, 0x4a, 0x70]];
    let (wall, shirt) = (walls[number % walls.len()], shirts[number % shirts.len()]);
    let sway = (sequence as f64 / 20.0).sin() * 0.03;
    let mut bgrx = Vec::with_capacity(width * height * 4);
    for y in 0..height {
        for x in 0..width {
            // In units of the height, from the middle.
            let (u, v) = ((x as f64 - width as f64 / 2.0) / height as f64, y as f64 / height as f64);
            let head = ((u - sway) / 0.15).powi(2) + ((v - 0.42) / 0.19).powi(2) < 1.0;
            let body = ((u - sway / 2.0) / 0.36).powi(2) + ((v - 1.0) / 0.38).powi(2) < 1.0;
            let window = (0.35..0.62).contains(&u) && (0.12..0.5).contains(&v);
            let color = if head {
                [0xd9, 0xae, 0x8c]
            } else if body {
                shirt
            } else if window {
                [0xd6, 0xe4, 0xec]
            } else {
                let light = 1.0 - 0.35 * v;
                wall.map(|c: u8| (f64::from(c) * light) as u8)
            };
            bgrx.extend_from_slice(&[color[2], color[1], color[0], 0]);
        }
    }
    Picture { width, height, bgrx: Arc::from(bgrx), sequence, captured: Time::ZERO }
}
