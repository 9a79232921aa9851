//! Which camera is taken when cameras come and go: two that look alike are told apart by where they are plugged in, and
//! another one in a camera's place is taken if it fits. On the kernel's own V4L2 driver, in a meeting of one room.

use serde_json::Value;
use vestibule_tests::programs::Relay;
use vestibule_tests::vm::{
    Camera, Error, GuestKiosk, Machine, Options, SMALL_PICTURES, eventually, small_program,
};

/// Longer, in seconds of the guest, than a kiosk leaves a camera alone that it looks for.
const LOOKS: u32 = 3;

#[test]
fn vm_cameras_are_told_apart_by_their_places() -> Result<(), Error> {
    let options = Options { outside: true, ..Options::default() };
    let Some(vm) = Machine::boot_or_skip("vm_cameras", options) else { return Ok(()) };
    let program = vm.install(&small_program("vestibule-kiosk")?)?;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let relay = Relay::start(folder.path(), None, &[]).map_err(Error::Malformed)?;
    let room = |name: &str, camera: &str| Room::start(&vm, &program, &relay, name, camera);

    let [first, second] = Camera::twins(&vm)?;
    let (place, other_place) = (second.place()?, first.place()?);
    assert_ne!(place, other_place);
    a_named_camera_is_waited_for(room("Boardroom", &place)?, &first, &second)?;
    the_other_is_taken_where_any_will_do(room("Atrium", "auto")?, &first, &second)?;
    it_is_found_under_another_node(&vm, room("Annex", &place)?, [first, second])?;
    vm.sh("rm /run/udev/rules.d/90-twins.rules && udevadm control --reload && modprobe -r vivid && udevadm settle")?;

    let webcam = Camera::pattern(&vm)?;
    another_in_its_place_is_taken_if_it_fits(&vm, room("Atelier", &webcam.place()?)?, webcam)
}

/// Its place is empty and the same camera is plugged in elsewhere: that one is not for the other rooms to see.
fn a_named_camera_is_waited_for(
    room: Room<'_>,
    first: &Camera<'_>,
    second: &Camera<'_>,
) -> Result<(), Error> {
    room.shows(second.node())?;
    let out = second.disconnect()?;
    room.misses_its_camera()?;
    room.takes_none()?;
    out.reconnect()?;
    room.shows(second.node())?;
    // What happens to the other is none of its business.
    let out = first.disconnect()?;
    room.goes_on()?;
    out.reconnect()?;
    // Both are out, and come back in the other order.
    let (out, other_out) = (second.disconnect()?, first.disconnect()?);
    room.misses_its_camera()?;
    other_out.reconnect()?;
    room.takes_none()?;
    out.reconnect()?;
    room.shows(second.node())?;
    room.stop()
}

fn the_other_is_taken_where_any_will_do(
    room: Room<'_>,
    first: &Camera<'_>,
    second: &Camera<'_>,
) -> Result<(), Error> {
    room.shows(first.node())?;
    let out = first.disconnect()?;
    room.shows(second.node())?;
    // It is not left for the one that is back.
    out.reconnect()?;
    room.goes_on()?;
    room.shows(second.node())?;
    room.stop()
}

/// Both are pulled, and while something still holds the first one's old node, their nodes are others afterwards.
fn it_is_found_under_another_node(
    vm: &Machine,
    room: Room<'_>,
    [first, second]: [Camera<'_>; 2],
) -> Result<(), Error> {
    room.shows(second.node())?;
    let (old, place) = (second.node().to_owned(), second.place()?);
    let holder = vm.start(&format!("exec 9<>{}; echo open; sleep infinity", first.node()))?;
    holder.wait_for_output("the first node held", |said| said.contains("open"))?;
    let socket = first.socket()?;
    socket.pull()?;
    room.misses_its_camera()?;
    socket.replug()?;
    let node = vm.sh(&format!("readlink -f {place}"))?.trim().to_owned();
    assert_ne!(node, old, "its node is another");
    room.shows(&node)?;
    room.stop()?;
    holder.stop().map(drop)
}

fn another_in_its_place_is_taken_if_it_fits(
    vm: &Machine,
    room: Room<'_>,
    webcam: Camera<'_>,
) -> Result<(), Error> {
    let place = webcam.place()?;
    room.shows(webcam.node())?;
    webcam.socket()?.pull()?;
    room.misses_its_camera()?;
    webcam.unplug()?;
    // Its planes lie apart, which nothing here can show.
    vm.sh(
        "modprobe vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0 multiplanar=2 && udevadm settle",
    )?;
    room.sees("a camera that does not fit", |own| {
        own["placeholder"].as_str().is_some_and(|says| says.contains("cannot"))
    })?;
    vm.sh("modprobe -r vivid && udevadm settle")?;
    let television = Camera::television(vm)?;
    assert_eq!(television.place()?, place);
    room.shows(television.node())?;
    let log = room.kiosk.task.output()?;
    assert!(log.contains("720x576"), "it was taken with other pictures: {log}");
    room.stop()
}

/// A kiosk with a camera and nothing else, in a meeting by itself.
struct Room<'a> {
    vm: &'a Machine,
    kiosk: GuestKiosk<'a>,
}

impl<'a> Room<'a> {
    fn start(
        vm: &'a Machine,
        program: &str,
        relay: &Relay,
        name: &str,
        camera: &str,
    ) -> Result<Room<'a>, Error> {
        let options = format!(
            "--screen none --devices-devices real --devices-microphone none --devices-speaker none \
             --devices-buttons none --devices-camera {camera} {}",
            SMALL_PICTURES.join(" ")
        );
        let kiosk = GuestKiosk::start(vm, program, name, relay, &options)?;
        kiosk.see("the relay", |view| view["screen"]["Home"]["can_meet"] == true)?;
        kiosk.touch(r#""StartMeeting""#)?;
        kiosk.see("a meeting", |view| view["screen"]["Meeting"]["code"].is_string())?;
        Ok(Room { vm, kiosk })
    }

    /// Its picture is there, and comes from this node.
    fn shows(&self, node: &str) -> Result<(), Error> {
        self.sees("its own picture", |own| own["placeholder"].is_null())?;
        eventually(&format!("{node} taken"), || Ok((self.cameras()? == [node]).then_some(())))?;
        self.goes_on()
    }

    fn goes_on(&self) -> Result<(), Error> {
        let before = self.kiosk.counter("pictures_captured")?;
        eventually("pictures of the camera", || {
            Ok((self.kiosk.counter("pictures_captured")? > before + 1).then_some(()))
        })
    }

    fn misses_its_camera(&self) -> Result<(), Error> {
        self.sees("no camera", |own| own["placeholder"].is_string())
    }

    /// While it looks for its camera, it takes no other.
    fn takes_none(&self) -> Result<(), Error> {
        let before = self.kiosk.counter("pictures_captured")?;
        self.vm.sh(&format!("sleep {LOOKS}"))?;
        assert_eq!(self.kiosk.counter("pictures_captured")?, before);
        assert_eq!(self.cameras()?, [""; 0]);
        self.misses_its_camera()
    }

    fn sees(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Result<(), Error> {
        self.kiosk.see(what, |view| wanted(&view["screen"]["Meeting"]["own"])).map(drop)
    }

    fn cameras(&self) -> Result<Vec<String>, Error> {
        self.kiosk.opened("/dev/video*")
    }

    fn stop(self) -> Result<(), Error> {
        let log = self.kiosk.stop()?;
        assert!(!log.contains("panicked"), "{log}");
        Ok(())
    }
}
