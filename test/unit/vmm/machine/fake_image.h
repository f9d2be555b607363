// A bzImage that has everything the header check looks at, and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace ktstr::vmm {

/// 4 setup sectors and 64 bytes of code; the version is followed by what a real one has.
inline std::string FakeImage(std::string_view version) {
  std::string image(5 * 512 + 64, '\0');
  image[0x1F1] = 4;
  image[0x1F4] = 4;  // 4 * 16 = 64
  image[0x1FE] = '\x55';
  image[0x1FF] = '\xAA';
  image.replace(0x202, 4, "HdrS");
  image[0x206] = 0x0F;
  image[0x207] = 0x02;  // protocol 2.15
  image[0x20F] = 0x02;  // version text at 0x200 + 0x200
  image[0x236] = 1;     // XLF_KERNEL_64
  const std::string text = std::string(version) + " (someone@somewhere) #1 SMP";
  image.replace(0x400, text.size(), text);
  return image;
}

}  // namespace ktstr::vmm
