//! An HDMI capture device on the kernel's own V4L2 driver, shown to another room: the picture on that room's screen is the
//! one that the test feeds into the cable, beside the camera's; it stays away while the device is out, and comes back.

use vestibule_kiosk::device::sim::stamp::{Stamp, draw, read_stamp_rgba};
use vestibule_tests::programs::Relay;
use vestibule_tests::vm::{
    Camera, Error, GuestKiosk, Machine, Options, SMALL_PICTURES, Workshop, Yuyv, eventually, screenshots,
    small_program,
};

/// The laptop's screen, in pixels.
const SCREEN: (usize, usize) = (1280, 720);

#[test]
fn vm_presentation_of_a_grabber_is_on_the_other_rooms_screen() -> Result<(), Error> {
    let options = Options { outside: true, ..Options::default() };
    let Some(vm) = Machine::boot_or_skip("vm_presentation", options) else { return Ok(()) };
    let [webcam, mut laptop] = Camera::pattern_and_fed(&vm)?;
    laptop.show_i420(&[page(4711)])?;
    let program = vm.install(&small_program("vestibule-kiosk")?)?;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = Relay::start(folder.path(), None, &[]).map_err(Error::Malformed)?;
    let boardroom = GuestKiosk::start(
        &vm,
        &program,
        "Boardroom",
        &relay,
        &format!(
            "--screen none --devices-devices real --devices-microphone none --devices-speaker none \
             --devices-buttons sim --devices-camera {} --devices-presentation {} {}",
            webcam.node(),
            laptop.node(),
            SMALL_PICTURES.join(" ")
        ),
    )?;
    let mut workshop = Workshop::start(folder.path(), &relay)?;
    workshop.knock_at(&boardroom)?;
    boardroom.press_approve()?;
    workshop.sees_pictures(3)?;
    assert_eq!(
        boardroom.opened("/dev/video*")?,
        [webcam.node()],
        "nothing is presented that nobody asked for"
    );

    let shows = |workshop: &mut Workshop, number: u32| {
        workshop.shows("Presentation", |tile| {
            read_stamp_rgba(&tile.rgba, tile.width, tile.height).is_some_and(|stamp| stamp.frame == number)
        })
    };
    boardroom.touch("\"TogglePresentation\"")?;
    shows(&mut workshop, 4711)?;
    laptop.show_i420(&[page(4712)])?;
    shows(&mut workshop, 4712)?;
    workshop.sees_pictures(3)?;
    workshop.keep(&screenshots()?, "vm_presentation")?;

    the_grabber_is_pulled(&boardroom, &mut workshop, &laptop)?;
    // The laptop's end was pulled with it.
    laptop.show_i420(&[page(4713)])?;
    shows(&mut workshop, 4713)?;

    boardroom.touch("\"TogglePresentation\"")?;
    workshop.see("nothing presented", |view| view["screen"]["Meeting"]["presentation"].is_null())?;
    eventually("the grabber closed", || {
        Ok((boardroom.opened("/dev/video*")? == [webcam.node()]).then_some(()))
    })?;
    workshop.sees_pictures(3)?;
    let log = boardroom.stop()?;
    assert!(!log.contains("panicked"), "{log}");
    Ok(())
}

/// Its cable breaks in the midst of it: both rooms are told, the camera goes on, and so does the presentation afterwards.
fn the_grabber_is_pulled(
    boardroom: &GuestKiosk<'_>,
    workshop: &mut Workshop,
    laptop: &Camera<'_>,
) -> Result<(), Error> {
    let out = laptop.disconnect()?;
    boardroom.see("that it is gone", |view| {
        view["screen"]["Meeting"]["presentation"]["placeholder"] == "Nothing is plugged in"
    })?;
    workshop.see("nothing presented", |view| view["screen"]["Meeting"]["presentation"].is_null())?;
    workshop.sees_pictures(3)?;
    out.reconnect()
}

/// A laptop's screen that bears a number.
fn page(number: u32) -> Yuyv {
    let (width, height) = SCREEN;
    let mut luma: Vec<u8> =
        (0..width * height).map(|at| if at / width / 24 % 2 == 0 { 200 } else { 60 }).collect();
    draw(&mut luma, width, height, Stamp { frame: number, monotonic_us: 0 });
    Yuyv::paint(width, height, |x, y| luma[y * width + x], |_, _| (128, 128))
}
