// What a kernel can do, from a configuration beside it or inside its image.
#include <lz4.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "test/unit/vmm/host/temp_dir.h"
#include "vmm/kernel/kernel_features.h"
#include "vmm/kernel/kernel_ikconfig.h"

namespace ktstr::vmm {
namespace {

std::string Gzip(const std::string& text) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  ::deflateEnd(&stream);
  return packed;
}

std::string Little(std::size_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

/// In blocks of 8 MiB, as the kernel's build packs an image.
std::string Lz4Legacy(const std::string& text) {
  std::string packed = "\x02\x21\x4C\x18";
  for (std::size_t at = 0; at < text.size(); at += 8U << 20) {
    const std::string block = text.substr(at, 8U << 20);
    std::string out(static_cast<std::size_t>(::LZ4_compressBound(static_cast<int>(block.size()))), '\0');
    out.resize(static_cast<std::size_t>(::LZ4_compress_default(
        block.data(), out.data(), static_cast<int>(block.size()), static_cast<int>(out.size()))));
    packed += Little(out.size()) + out;
  }
  return packed;
}

/// A bzImage as far as its payload matters: one setup sector, then 16 bytes of code, then the payload.
std::string ImageWith(const std::string& payload) {
  std::string image(1024, '\0');
  image[0x1F1] = 1;
  image.replace(0x248, 4, Little(16));
  image.replace(0x24C, 4, Little(payload.size()));
  return image + std::string(16, '\xCC') + payload + "trailer";
}

std::string Found(const std::string& image) {
  return EmbeddedConfig(std::as_bytes(std::span(image.data(), image.size()))).value_or("none");
}

const std::string kConfig = "CONFIG_SMP=y\nCONFIG_PSI=y\n";

/// More than one block of LZ4, with a decoy: the kernel's own text has the mark, too.
std::string KernelWith(const std::string& config) {
  return "IKCFG_ST %s" + std::string(9U << 20, 'k') + "IKCFG_ST" + Gzip(config) + "IKCFG_ED" +
         std::string(1000, 'd');
}

TEST_CASE("an option counts when it is built in, by its whole name") {
  const std::string config = "CONFIG_A=y\nCONFIG_AB=m\n# CONFIG_B is not set\nCONFIG_C=y";
  CHECK(IsBuiltIn(config, "CONFIG_A"));
  CHECK(IsBuiltIn(config, "CONFIG_C"));
  CHECK_FALSE(IsBuiltIn(config, "CONFIG_AB"));
  CHECK_FALSE(IsBuiltIn(config, "CONFIG_B"));
  CHECK_FALSE(IsBuiltIn("CONFIG_A=yes\n", "CONFIG_A"));
  CHECK_FALSE(IsBuiltIn("MY_CONFIG_A=y\n", "CONFIG_A"));
}

TEST_CASE("each feature needs all of its options") {
  CHECK(FeaturesIn("CONFIG_BPF_SYSCALL=y\nCONFIG_PSI=y\n") == std::vector{KernelFeature::kPsi});
  CHECK(FeaturesIn("CONFIG_BPF_SYSCALL=y\nCONFIG_BPF_JIT=y\nCONFIG_PSI=y\n") ==
        std::vector{KernelFeature::kBpf, KernelFeature::kPsi});
}

TEST_CASE("a disk's driver that is a module does not count") {
  const std::string debian = "CONFIG_BLOCK=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_BLK=m\n";
  CHECK(FeaturesIn(debian).empty());
  CHECK(FeaturesIn(debian + "CONFIG_VIRTIO_BLK=y\n") == std::vector{KernelFeature::kVirtioBlk});
}

TEST_CASE("a network card's driver that is a module does not count, nor one without raw sockets") {
  const std::string debian = "CONFIG_PACKET=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_NET=m\n";
  CHECK(FeaturesIn(debian).empty());
  CHECK(FeaturesIn("CONFIG_VIRTIO_PCI=y\nCONFIG_VIRTIO_NET=y\n").empty());
  CHECK(FeaturesIn(debian + "CONFIG_VIRTIO_NET=y\n") == std::vector{KernelFeature::kVirtioNet});
}

TEST_CASE("the configuration inside an image: plain, gzip, LZ4 in several blocks") {
  CHECK(Found(ImageWith(KernelWith(kConfig))) == kConfig);
  CHECK(Found(ImageWith(Gzip(KernelWith(kConfig)))) == kConfig);
  CHECK(Found(ImageWith(Lz4Legacy(KernelWith(kConfig)))) == kConfig);
  CHECK(Found(ImageWith("\xFD"
                        "7zXZ and so on")) == "none");
  CHECK(Found("") == "none");
}

TEST_CASE("a cut or garbled image has no configuration, and does no harm") {
  const std::string kernel = "IKCFG_ST" + Gzip(kConfig) + "IKCFG_ED";
  for (const std::string& image : {ImageWith(Gzip(kernel)), ImageWith(Lz4Legacy(kernel))}) {
    for (std::size_t length = 0; length + 40 < image.size(); ++length)
      CHECK(Found(image.substr(0, length)) == "none");
    for (std::size_t at = 0x1F0; at < image.size(); ++at) {
      std::string garbled = image;
      garbled[at] = static_cast<char>(~garbled[at]);
      (void)Found(garbled);
    }
  }
}

TEST_CASE("the file beside the image comes before the image; neither is said") {
  const TempDir dir;
  Kernel kernel;
  kernel.version = "6.12.1";
  kernel.image = dir.Write("vmlinuz", ImageWith(Gzip("IKCFG_ST" + Gzip("CONFIG_NUMA=y\n"))));
  const std::vector wanted = {KernelFeature::kSchedExt, KernelFeature::kNuma};
  CHECK(MissingFeatures(kernel, wanted) == "needs sched_ext, which kernel 6.12.1 does not have");
  kernel.config = dir.Write("config", "CONFIG_SCHED_CLASS_EXT=y\nCONFIG_EXT_GROUP_SCHED=y\n");
  CHECK(MissingFeatures(kernel, wanted) == "needs numa, which kernel 6.12.1 does not have");
  kernel.config.clear();
  kernel.image = dir.Write("vmlinuz", ImageWith("packed in another way"));
  CHECK(MissingFeatures(kernel, wanted) ==
        "cannot tell whether kernel 6.12.1 has sched_ext, numa: no config beside the image");
  CHECK(MissingFeatures(kernel, {}).empty());
}

}  // namespace
}  // namespace ktstr::vmm
