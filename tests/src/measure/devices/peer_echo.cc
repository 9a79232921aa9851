// The peer of the echo measurement: Debian's webrtc-audio-processing on the same recordings, frame by frame.
// peer_echo FAR MICROPHONE OUT: 48 kHz, mono, 16 bit, little-endian, without a header.
#include <webrtc/common.h>
#include <webrtc/modules/audio_processing/include/audio_processing.h>
#include <webrtc/modules/interface/module_common_types.h>

#include <cstdio>
#include <cstring>
#include <memory>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  FILE* far_end = fopen(argv[1], "rb");
  FILE* microphone = fopen(argv[2], "rb");
  FILE* out = fopen(argv[3], "wb");
  if (!far_end || !microphone || !out) return 2;

  webrtc::Config config;
  config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
  config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));
  std::unique_ptr<webrtc::AudioProcessing> processing(webrtc::AudioProcessing::Create(config));
  using webrtc::AudioProcessing;
  if (processing->Initialize(48000, 48000, 48000, AudioProcessing::kMono, AudioProcessing::kMono,
                             AudioProcessing::kMono)) {
    return 1;
  }
  processing->high_pass_filter()->Enable(true);
  processing->echo_cancellation()->Enable(true);
  processing->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kHighSuppression);
  processing->noise_suppression()->Enable(true);
  processing->noise_suppression()->set_level(webrtc::NoiseSuppression::kModerate);

  const size_t samples = 480;
  webrtc::AudioFrame played, captured;
  for (webrtc::AudioFrame* frame : {&played, &captured}) {
    frame->sample_rate_hz_ = 48000;
    frame->samples_per_channel_ = samples;
    frame->num_channels_ = 1;
  }
  while (fread(played.data_, 2, samples, far_end) == samples &&
         fread(captured.data_, 2, samples, microphone) == samples) {
    if (processing->ProcessReverseStream(&played)) return 1;
    processing->set_stream_delay_ms(10);
    if (processing->ProcessStream(&captured)) return 1;
    if (fwrite(captured.data_, 2, samples, out) != samples) return 1;
  }
  return fclose(out) ? 1 : 0;
}
