//! Cameras through Video4Linux: found, asked for a format that this program can use, and streamed from mapped buffers.
//!
//! The v4l crate puts its last buffer back even after an error, and panics when a stream cannot be stopped: after any
//! error the camera is of no use, and whoever drops it contains the panic (`reopen` does).

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use v4l::buffer::{Flags, Type};
use v4l::capability::Flags as Capability;
use v4l::format::{Colorspace, Quantization};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream;
use v4l::io::traits::CaptureStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};
use vestibule_common::time::{Duration, Time};

use super::negotiate::{self, Offer, Sizes};
use super::{WantedPicture, frames, users};
use crate::device::clock::Clock;
use crate::device::found::{CameraNode, is_grabber, tell_apart};
use crate::device::reopen::Opened;
use crate::device::{Camera, CameraFormat, CameraFrame, DeviceError, PixelFormat};

/// No frame for this long means that the camera is gone,
const SILENCE: Duration = Duration::from_millis(700);
/// but of a slow one so many frames' time.
const SILENT_FRAMES: u32 = 3;

/// How long the first picture may take: a sensor finds its exposure, a grabber its signal.
const WARM_UP: Duration = Duration::from_secs(5);

/// A frame is not handed over later than this.
const OLDEST: Duration = Duration::from_secs(2);

/// Buffers that the driver fills in turn. Fewer drop frames when the encoder is late once; more only cost memory.
const BUFFERS: u32 = 4;

/// The nodes that capture pictures, and the other video nodes with the reason why they do not.
pub(in crate::device) fn find() -> (Vec<CameraNode>, Vec<(PathBuf, String)>) {
    let mut paths: Vec<(u32, PathBuf)> = Vec::new();
    if let Ok(entries) = fs::read_dir("/dev") {
        for entry in entries.flatten() {
            let name = entry.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix("video")).map(str::parse);
            if let Some(Ok(number)) = number {
                paths.push((number, entry.path()));
            }
        }
    }
    paths.sort();
    let (mut cameras, mut others) = (Vec::new(), Vec::new());
    for (_, path) in paths {
        match catch_unwind(AssertUnwindSafe(|| describe(&path))) {
            Ok(Ok(camera)) => cameras.push(camera),
            Ok(Err(why)) => others.push((path, why)),
            Err(_) => others.push((path, "its driver gave an answer that makes no sense".into())),
        }
    }
    tell_apart(&mut cameras, |path| link_to(path, "/dev/v4l/by-path"));
    (cameras, others)
}

/// Says what a node is, or why it is no camera.
fn describe(path: &Path) -> Result<CameraNode, String> {
    let device = Device::with_path(path).map_err(|error| error.to_string())?;
    let able = device.query_caps().map_err(|error| error.to_string())?;
    let has = |flag| able.capabilities.contains(flag);
    if has(Capability::VIDEO_M2M) || has(Capability::VIDEO_M2M_MPLANE) {
        return Err(format!("{} converts pictures, it takes none", able.card));
    }
    if !has(Capability::VIDEO_CAPTURE) {
        let why = if has(Capability::VIDEO_CAPTURE_MPLANE) {
            "delivers its planes apart, which is not supported"
        } else if has(Capability::META_CAPTURE) {
            "delivers data about pictures, not pictures"
        } else {
            "takes no pictures"
        };
        return Err(format!("{} {why}", able.card));
    }
    if !has(Capability::STREAMING) {
        return Err(format!("{} cannot stream", able.card));
    }
    // A Pi's ISP and raw sensor nodes say "capture" and give nothing that a program could show.
    let raw = ["bcm2835-isp", "rpivid", "pispbe", "rp1-cfe", "unicam"];
    if raw.iter().any(|name| able.driver.starts_with(name) || able.card.starts_with(name)) {
        return Err(format!("{} is a stage of the camera pipeline, no camera of its own", able.card));
    }
    // An infrared or depth camera beside the usable one has its own node.
    let layouts = device.enum_formats().unwrap_or_default();
    if !layouts.is_empty() && layouts.iter().all(|layout| pixels(layout.fourcc).is_none()) {
        return Err(format!("{} {}", able.card, none_of_ours(&device)));
    }
    let grabber = named_by_udev(path).unwrap_or_else(|| {
        let id = usb_id(path);
        is_grabber(&able.card, id.as_ref().map(|(vendor, product)| (vendor.as_str(), product.as_str())))
    });
    Ok(CameraNode {
        path: path.to_owned(),
        stable: ["/dev/v4l/by-id", "/dev/v4l/by-path"].iter().find_map(|folder| link_to(path, folder)),
        name: able.card,
        bus: able.bus,
        grabber,
    })
}

/// Whether udev's rules call a node a grabber (`/dev/kiosk/presentation*`) or a camera; `None` if they name it neither.
fn named_by_udev(path: &Path) -> Option<bool> {
    fs::read_dir("/dev/kiosk").ok()?.flatten().find_map(|link| {
        let name = link.file_name();
        let name = name.to_str()?;
        let grabber = name.starts_with("presentation");
        let is_it = fs::canonicalize(link.path()).is_ok_and(|target| target == path);
        (is_it && (grabber || name.starts_with("camera"))).then_some(grabber)
    })
}

/// Vendor and product of the USB device that a node belongs to, in hexadecimal.
fn usb_id(path: &Path) -> Option<(String, String)> {
    // The node's device is an interface of the USB device.
    let interface = Path::new("/sys/class/video4linux").join(path.file_name()?).join("device");
    let device = fs::canonicalize(interface).ok()?.parent()?.to_owned();
    let read = |name| Some(fs::read_to_string(device.join(name)).ok()?.trim().to_owned());
    Some((read("idVendor")?, read("idProduct")?))
}

/// The name in a folder of udev's that leads to a node.
fn link_to(path: &Path, folder: &str) -> Option<PathBuf> {
    let mut links: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|link| link.path()).collect();
    links.sort();
    links.into_iter().find(|link| fs::canonicalize(link).is_ok_and(|target| target == path))
}

/// Opens a camera in the best of its formats.
///
/// Errors: `Missing` without the node, `Busy` with the name of the program that has it, `Unsupported` if it offers no
/// layout that this program knows.
pub(in crate::device) fn open(
    path: &Path,
    wanted: WantedPicture,
    clock: Clock,
) -> Result<Opened<dyn Camera>, DeviceError> {
    let failed = |error: io::Error| explain(path, &error);
    let device = Device::with_path(path).map_err(failed)?;
    let name =
        describe(path).map_err(|why| DeviceError::Unsupported(format!("{}: {why}", path.display())))?.name;
    let offers = offers(&device, wanted).map_err(failed)?;
    let ranked = negotiate::rank(&offers, wanted);
    let mut refusal = None;
    // What the bus has no room for may be had in another format; what is held or gone may not.
    let mut refused = |error: io::Error| match error.raw_os_error() {
        Some(libc::EBUSY | libc::ENODEV) => Err(failed(error)),
        _ => {
            refusal = Some(error);
            Ok(())
        }
    };
    for offer in &ranked {
        match ask(&device, *offer, wanted) {
            Ok(Some(format)) => match V4lCamera::start(&device, path, format, clock) {
                Ok(camera) => {
                    let reason = negotiate::reason(offer, &ranked, wanted);
                    log::info!("{}: took {format} of {} offers: {reason}", path.display(), offers.len());
                    let description = format!("{} ({name}), {format}", path.display());
                    return Ok(Opened { device: Box::new(camera), description });
                }
                Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                    let seconds = WARM_UP.as_secs();
                    let why = format!("{} ({name}) has sent no picture for {seconds} s", path.display());
                    return Err(DeviceError::Lost(why));
                }
                Err(error) => refused(error)?,
            },
            Ok(None) => {}
            Err(error) => refused(error)?,
        }
    }
    if let Some(error) = refusal {
        return Err(failed(error));
    }
    Err(DeviceError::Unsupported(format!("{} ({name}) {}", path.display(), none_of_ours(&device))))
}

/// Why a camera is of no use, for the person who must act.
fn none_of_ours(device: &Device) -> String {
    let offers = listed(device);
    format!(
        "offers none of YUYV, UYVY, NV12, YU12 and MJPEG in an even size, but {offers}: choose another camera"
    )
}

/// Every layout and size that a camera offers, for a person: `GREY 640x480 1280x720, ...`.
fn listed(device: &Device) -> String {
    let formats = device.enum_formats().unwrap_or_default();
    let lines = formats.iter().take(8).map(|format| {
        let sizes = device.enum_framesizes(format.fourcc).unwrap_or_default();
        let sizes = sizes.iter().take(4).map(|size| match described(&size.size) {
            Sizes::Exact(width, height) => format!(" {width}x{height}"),
            Sizes::Between { width, height } => {
                format!(" {}x{} to {}x{}", width.0, height.0, width.1, height.1)
            }
        });
        format!("{}{}", format.fourcc, sizes.collect::<String>())
    });
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() { "no layout at all".into() } else { lines.join(", ") }
}

fn pixels(code: FourCC) -> Option<PixelFormat> {
    match &code.repr {
        b"YUYV" => Some(PixelFormat::Yuyv),
        b"UYVY" => Some(PixelFormat::Uyvy),
        b"NV12" => Some(PixelFormat::Nv12),
        b"YU12" => Some(PixelFormat::I420),
        b"MJPG" | b"JPEG" => Some(PixelFormat::Mjpeg),
        _ => None,
    }
}

/// What the camera says it has, as far as this program can use it.
fn offers(device: &Device, wanted: WantedPicture) -> io::Result<Vec<Offer>> {
    let mut offers = Vec::new();
    for description in device.enum_formats()? {
        let Some(layout) = pixels(description.fourcc) else { continue };
        let sizes = match device.enum_framesizes(description.fourcc) {
            Ok(sizes) => sizes.into_iter().map(|size| described(&size.size)).collect(),
            // A driver need not list its sizes; then it is asked for what is wanted.
            Err(_) => vec![Sizes::Exact(wanted.width, wanted.height)],
        };
        for (width, height) in sizes.into_iter().flat_map(|sizes| sizes.candidates(wanted)) {
            let rate = fastest(device, description.fourcc, width, height);
            offers.push(Offer { pixels: layout, code: description.fourcc.repr, width, height, rate });
        }
    }
    Ok(offers)
}

fn described(size: &FrameSizeEnum) -> Sizes {
    match size {
        FrameSizeEnum::Discrete(size) => Sizes::Exact(size.width, size.height),
        FrameSizeEnum::Stepwise(range) => Sizes::Between {
            width: (range.min_width, range.max_width, range.step_width),
            height: (range.min_height, range.max_height, range.step_height),
        },
    }
}

/// The most frames per second at a size, 0 if the driver does not say.
fn fastest(device: &Device, code: FourCC, width: u32, height: u32) -> u32 {
    let intervals = device.enum_frameintervals(code, width, height).unwrap_or_default();
    let rates = intervals.iter().map(|interval| match &interval.interval {
        FrameIntervalEnum::Discrete(time) => per_second(time.numerator, time.denominator),
        FrameIntervalEnum::Stepwise(range) => per_second(range.min.numerator, range.min.denominator),
    });
    rates.max().unwrap_or(0)
}

/// Frames per second of an interval, rounded: 1001/30000 s is 30.
fn per_second(numerator: u32, denominator: u32) -> u32 {
    if numerator == 0 {
        return 0;
    }
    let rate = (u64::from(denominator) + u64::from(numerator) / 2) / u64::from(numerator);
    u32::try_from(rate).unwrap_or(u32::MAX)
}

/// Asks for a format. Says what the camera made of it, `None` if that is nothing this program can use.
fn ask(device: &Device, offer: Offer, wanted: WantedPicture) -> io::Result<Option<CameraFormat>> {
    let got = device.set_format(&Format::new(offer.width, offer.height, FourCC::new(&offer.code)))?;
    let Some(layout) = pixels(got.fourcc) else { return Ok(None) };
    if got.width % 2 != 0 || got.height % 2 != 0 || got.width == 0 || got.height == 0 {
        return Ok(None);
    }
    let asked = if offer.rate == 0 { wanted.rate } else { offer.rate.min(wanted.rate) };
    // A driver without rates refuses this; it runs at whatever it runs at.
    let rate = match device.set_params(&Parameters::with_fps(asked)) {
        Ok(got) => per_second(got.interval.numerator, got.interval.denominator),
        Err(_) => 0,
    };
    let stride = match layout {
        PixelFormat::Mjpeg => 0,
        PixelFormat::Yuyv | PixelFormat::Uyvy => got.stride.max(got.width * 2),
        PixelFormat::Nv12 | PixelFormat::I420 => got.stride.max(got.width),
    };
    Ok(Some(CameraFormat {
        width: got.width,
        height: got.height,
        stride,
        pixels: layout,
        rate: if rate == 0 { asked } else { rate },
        full_range: layout != PixelFormat::Mjpeg && is_full_range(&got),
    }))
}

/// The rule of `V4L2_MAP_QUANTIZATION_DEFAULT` (linux/videodev2.h) for YUV.
fn is_full_range(format: &Format) -> bool {
    match format.quantization {
        Quantization::FullRange => true,
        Quantization::LimitedRange => false,
        Quantization::Default => matches!(format.colorspace, Colorspace::JPEG),
    }
}

/// A kernel's answer, for the person who must act.
fn explain(path: &Path, error: &io::Error) -> DeviceError {
    match error.raw_os_error() {
        Some(libc::EBUSY) => DeviceError::Busy(users::sentence(path)),
        Some(libc::ENOENT | libc::ENXIO | libc::ENODEV) => DeviceError::Missing(format!(
            "{} is not plugged in: plug it in, or configure one that `vestibule-kiosk devices` lists",
            path.display()
        )),
        Some(libc::EACCES | libc::EPERM) => DeviceError::Unsupported(format!(
            "{} may not be opened by the program's user: run `sudo make install-udev`, let the user join the group video \
             (usermod -aG video USER) and start it again",
            path.display()
        )),
        Some(libc::ENOTTY) => DeviceError::Unsupported(format!(
            "{} is no camera: configure one that `vestibule-kiosk devices` lists",
            path.display()
        )),
        // What uvcvideo answers where the other devices on the bus have taken all of its bandwidth.
        Some(libc::ENOSPC) => DeviceError::Unsupported(format!(
            "there is no room left on the USB bus for {}: plug it, or the other camera, into a port of another controller",
            path.display()
        )),
        _ => DeviceError::Lost(format!("{}: {error}", path.display())),
    }
}

/// How long a camera of this rate may be silent.
fn silence(rate: u32) -> Duration {
    SILENCE.max(Duration::from_secs(1) * SILENT_FRAMES / rate.max(1))
}

/// An open camera.
struct V4lCamera {
    stream: Stream<'static>,
    path: PathBuf,
    format: CameraFormat,
    /// Fewer bytes than this are no whole frame; 0 for JPEG.
    whole: usize,
    /// So many damaged frames in a row, and the camera is broken.
    damaged: u32,
    clock: Clock,
    /// When the last frame was captured.
    last: Time,
}

impl V4lCamera {
    /// Starts the stream and waits for its first picture, of whatever quality.
    fn start(device: &Device, path: &Path, format: CameraFormat, clock: Clock) -> io::Result<V4lCamera> {
        let mut stream = Stream::with_buffers(device, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(WARM_UP);
        CaptureStream::next(&mut stream)?;
        stream.set_timeout(silence(format.rate));
        let lines = format.stride as usize * format.height as usize;
        let whole = match format.pixels {
            PixelFormat::Mjpeg => 0,
            PixelFormat::Yuyv | PixelFormat::Uyvy => lines,
            PixelFormat::Nv12 | PixelFormat::I420 => lines * 3 / 2,
        };
        let damaged = SILENT_FRAMES.max(format.rate * SILENCE.as_millis() as u32 / 1000);
        Ok(V4lCamera { stream, path: path.to_owned(), format, whole, damaged, clock, last: Time::ZERO })
    }
}

impl Camera for V4lCamera {
    fn format(&self) -> CameraFormat {
        self.format
    }

    fn next_frame(&mut self) -> Result<CameraFrame<'_>, DeviceError> {
        let (bytes, meta) = match frames::next_whole(&mut self.stream, self.whole, self.damaged) {
            Ok(frame) => frame,
            Err(error) => return Err(lost(&self.path, &error)),
        };
        let now = self.clock.now();
        let monotonic = meta.flags & Flags::TIMESTAMP_MASK == Flags::TIMESTAMP_MONOTONIC;
        let stamp = if monotonic { self.clock.from_monotonic(meta.timestamp.into()) } else { now };
        self.last = believable(stamp, now).max(self.last);
        Ok(CameraFrame { bytes, captured: self.last, sequence: meta.sequence })
    }
}

/// A driver's stamp, or now if it cannot be true: some say what is to come, or what was long ago.
fn believable(stamp: Time, now: Time) -> Time {
    if stamp > now || now.since(stamp) > OLDEST { now } else { stamp }
}

/// Why a stream ended.
fn lost(path: &Path, error: &io::Error) -> DeviceError {
    if error.kind() == io::ErrorKind::TimedOut {
        return DeviceError::Lost(format!("{} sends no pictures any more", path.display()));
    }
    match explain(path, error) {
        DeviceError::Missing(why) => DeviceError::Lost(why),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_silent_after_700_ms_and_a_slow_one_after_three_frames() {
        assert_eq!(silence(30), SILENCE);
        assert_eq!(silence(5), SILENCE);
        assert_eq!(silence(1), Duration::from_secs(3));
        assert_eq!(silence(0), Duration::from_secs(3), "it says nothing of its rate");
    }

    #[test]
    fn a_stamp_of_the_future_or_of_long_ago_is_not_believed() {
        let at = Time::from_millis;
        assert_eq!(believable(at(4990), at(5000)), at(4990));
        assert_eq!(believable(at(5001), at(5000)), at(5000));
        assert_eq!(believable(at(2000), at(5000)), at(5000));
    }
}
