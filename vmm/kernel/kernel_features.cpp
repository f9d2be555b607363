#include "vmm/kernel/kernel_features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "vmm/host/host_file.h"
#include "vmm/host/known_files.h"
#include "vmm/kernel/kernel_ikconfig.h"

namespace ktstr::vmm {
namespace {

struct FeatureOptions {
  KernelFeature feature;
  std::vector<std::string_view> options;  // all of them
};

const std::vector<FeatureOptions>& Table() {
  static const std::vector<FeatureOptions> table = {
      {KernelFeature::kSchedExt, {"CONFIG_SCHED_CLASS_EXT", "CONFIG_EXT_GROUP_SCHED"}},
      {KernelFeature::kBtf, {"CONFIG_DEBUG_INFO_BTF"}},
      {KernelFeature::kBpf, {"CONFIG_BPF_SYSCALL", "CONFIG_BPF_JIT"}},
      {KernelFeature::kKprobes, {"CONFIG_KPROBES", "CONFIG_BPF_EVENTS"}},
      {KernelFeature::kPsi, {"CONFIG_PSI"}},
      {KernelFeature::kSchedstats, {"CONFIG_SCHEDSTATS"}},
      {KernelFeature::kDelayacct, {"CONFIG_TASK_DELAY_ACCT"}},
      {KernelFeature::kCpuset, {"CONFIG_CPUSETS"}},
      {KernelFeature::kMemcg, {"CONFIG_MEMCG"}},
      {KernelFeature::kCfsBandwidth, {"CONFIG_CFS_BANDWIDTH"}},
      {KernelFeature::kUclamp, {"CONFIG_UCLAMP_TASK_GROUP"}},
      {KernelFeature::kCoreSched, {"CONFIG_SCHED_CORE"}},
      {KernelFeature::kNuma, {"CONFIG_NUMA"}},
      {KernelFeature::kVirtioBlk, {"CONFIG_BLOCK", "CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_BLK"}},
      {KernelFeature::kVirtioNet, {"CONFIG_PACKET", "CONFIG_VIRTIO_PCI", "CONFIG_VIRTIO_NET"}},
  };
  return table;
}

bool Has(std::string_view config, const FeatureOptions& entry) {
  return std::all_of(entry.options.begin(), entry.options.end(),
                     [&](std::string_view option) { return IsBuiltIn(config, option); });
}

std::string Names(std::span<const KernelFeature> features) {
  std::string text;
  for (const KernelFeature feature : features)
    text += fmt::format("{}{}", text.empty() ? "" : ", ", FeatureName(feature));
  return text;
}

}  // namespace

std::string_view FeatureName(KernelFeature feature) {
  return kKernelFeatures[static_cast<std::size_t>(feature)].name;
}

bool IsBuiltIn(std::string_view config, std::string_view option) {
  const std::string line = fmt::format("{}=y", option);
  // memmem(3) is some ten times faster here than find(), which stops at every C of every CONFIG_.
  const auto find = [&](std::size_t from) {
    const void* const found = ::memmem(config.data() + from, config.size() - from, line.data(), line.size());
    return found == nullptr ? config.size()
                            : static_cast<std::size_t>(static_cast<const char*>(found) - config.data());
  };
  for (std::size_t at = find(0); at < config.size(); at = find(at + 1)) {
    const std::size_t end = at + line.size();
    const bool starts = at == 0 || config[at - 1] == '\n';
    if (starts && (end == config.size() || config[end] == '\n')) return true;
  }
  return false;
}

std::vector<KernelFeature> FeaturesIn(std::string_view config) {
  std::vector<KernelFeature> features;
  for (const FeatureOptions& entry : Table())
    if (Has(config, entry)) features.push_back(entry.feature);
  return features;
}

std::optional<std::string> ConfigOf(const Kernel& kernel) {
  if (!kernel.config.empty()) {
    const auto bytes = ReadHostFile(kernel.config);
    if (!bytes.ok()) return std::nullopt;
    return std::string(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  }
  // Unpacking the image takes a hundred times longer than reading what was found in it before.
  const auto embedded = KnownFiles::InCache().Fact(
      kernel.image, "ikconfig-1",
      [](std::span<const std::byte> image) { return EmbeddedConfig(image).value_or(std::string()); });
  if (!embedded.ok() || embedded->empty()) return std::nullopt;
  return *embedded;
}

std::string MissingFeatures(const Kernel& kernel, std::span<const KernelFeature> wanted) {
  if (wanted.empty()) return {};
  const std::optional<std::string> config = ConfigOf(kernel);
  if (!config) {
    return fmt::format("cannot tell whether kernel {} has {}: no config beside the image", kernel.version,
                       Names(wanted));
  }
  std::vector<KernelFeature> missing;
  for (const FeatureOptions& entry : Table()) {
    const bool asked = std::find(wanted.begin(), wanted.end(), entry.feature) != wanted.end();
    if (asked && !Has(*config, entry)) missing.push_back(entry.feature);
  }
  if (missing.empty()) return {};
  return fmt::format("needs {}, which kernel {} does not have", Names(missing), kernel.version);
}

}  // namespace ktstr::vmm
