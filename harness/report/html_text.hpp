#pragma once

#include <string>
#include <string_view>

#include "nlohmann/json.hpp"

namespace occ {

/// Any text as it may stand in HTML, within an element or a quoted attribute: nothing in it is markup. Control
/// characters become U+FFFD.
std::string html_text(std::string_view text);

/// JSON as it may stand within a <script> element: it cannot end it. Bytes that are not UTF-8 become U+FFFD.
std::string script_json(const nlohmann::ordered_json& value);

/// RFC 4648, section 4.
std::string base64(std::string_view bytes);

/// What a Content-Security-Policy names a script or a style by: 'sha256-...', quotes included.
std::string content_hash(std::string_view content);

}  // namespace occ
