#include "harness/report/html_page.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "harness/report/comparison_words.hpp"
#include "harness/report/html_parts.hpp"
#include "harness/report/html_text.hpp"
#include "page_files.hpp"

namespace occ {
namespace {

using Json = nlohmann::ordered_json;

/// A value of a file's JSON as text; empty where there is none.
std::string text_at(const Json& tree, const char* pointer) {
  const Json at = json_at(tree, pointer);
  if (at.is_null()) return "";
  if (at.is_boolean()) return at.get<bool>() ? "yes" : "no";
  return at.is_string() ? at.get<std::string>() : at.dump();
}

std::string joined(std::initializer_list<std::string> parts) {
  std::vector<std::string> there;
  std::ranges::copy_if(parts, std::back_inserter(there), [](const std::string& part) { return !part.empty(); });
  return fmt::format("{}", fmt::join(there, ", "));
}

std::string with_words(std::string_view before, const std::string& text, std::string_view after = "") {
  return text.empty() ? "" : fmt::format("{}{}{}", before, text, after);
}

/// As it would be typed; quotes where a shell needs them.
std::string command_of(const Json& provenance) {
  const Json options = json_at(provenance, "/options");
  if (!options.is_object()) return "";
  std::string command = "occkit run";
  for (const auto& [name, value] : options.items()) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    const bool plain =
        text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_,.:=%/-") ==
        std::string::npos;
    if (!plain) text = "'" + text + "'";
    command += fmt::format(" --{}{}", name, text.empty() ? "" : " " + text);
  }
  return command;
}

std::string machine_of(const Json& start) {
  const std::string governor = text_at(start, "/environment/cpu/governor");
  return joined({text_at(start, "/environment/cpu/model"),
                 with_words("", text_at(start, "/environment/cpu/cores_online"), " processors"),
                 text_at(start, "/environment/cpu/virtual_machine") == "yes" ? "virtual machine" : "",
                 with_words("governor ", governor), with_words("", text_at(start, "/environment/memory"), " of memory"),
                 text_at(start, "/environment/kernel")});
}

std::string build_of(const Json& start) {
  return joined({with_words("occkit ", text_at(start, "/environment/version")),
                 with_words("commit ", text_at(start, "/environment/commit").substr(0, 12)),
                 text_at(start, "/environment/build_type"), text_at(start, "/environment/compiler"),
                 text_at(start, "/environment/flags"), text_at(start, "/environment/allocator")});
}

const Json& starts_of(const Json& provenance) {
  static const Json none = Json::array();
  if (!provenance.is_object()) return none;
  const auto at = provenance.find("starts");
  return at != provenance.end() && at->is_array() ? *at : none;
}

std::string described(const char* term, const std::string& html) {
  return html.empty() ? "" : fmt::format("<dt>{}</dt><dd>{}</dd>\n", term, html);
}

std::string code(const std::string& text) {
  return text.empty() ? "" : fmt::format("<code>{}</code>", html_text(text));
}

/// What was asked, when, where, and by what build; one list a file.
std::string origin(const ReportedFile& file) {
  const Json& starts = starts_of(file.provenance);
  const Json start = starts.empty() ? Json() : starts.front();
  std::string out = "<dl class=\"origin\">\n" + described("File", code(file.result.name)) +
                    described("Command", code(command_of(file.provenance)));
  if (start.is_object()) {
    out += described("Machine", html_text(machine_of(start))) + described("Build", html_text(build_of(start)));
    out +=
        described("Measured", html_text(joined({text_at(start, "/started_utc"),
                                                starts.size() > 1 ? fmt::format("in {} starts", starts.size()) : ""})));
    out += described("Server", html_text(joined({text_at(start, "/server/name"), text_at(start, "/server/url")})));
  } else {
    out += described("Machine", "not known: no JSON stands beside the CSV");
  }
  return out + "</dl>\n";
}

/// What the machine, the build and the rows give reason to beware of.
void add_warnings(const ReportedFile& file, std::vector<std::string>& warnings) {
  for (const Json& start : starts_of(file.provenance)) {
    const Json of_machine = json_at(start, "/machine_warnings");
    for (const Json& warning : of_machine) {
      if (warning.is_string()) warnings.push_back("Machine: " + warning.get<std::string>());
    }
    if (text_at(start, "/environment/dirty") == "yes")
      warnings.push_back("Build: files differed from the commit, so that nobody can build the same.");
    const std::string type = text_at(start, "/environment/build_type");
    if (!type.empty() && type != "Release") warnings.push_back(fmt::format("Build: {}, not Release.", type));
    const std::string status = text_at(start, "/exit_status");
    if (status == "130" && &start == &starts_of(file.provenance).back())
      warnings.push_back("The run was interrupted: some rows are missing.");
  }
  if (file.result.table.unterminated)
    warnings.push_back(fmt::format("{} ends in the middle of a row.", file.result.name));
}

std::string warnings_of(const Reported& reported) {
  std::vector<std::string> severe, warnings;
  for (const ComparedCell& cell : reported.comparison.cells) {
    for (const Entry& entry : cell.entries) {
      if (entry.standing == Standing::voided && !entry.loss.expected)
        severe.push_back(title(cell) + ": " + loss_text(entry));
    }
  }
  for (const ReportedFile& file : reported.input.files) add_warnings(file, warnings);
  for (const std::string& note : reported.comparison.notes) warnings.push_back(note);
  std::string out;
  std::set<std::string> said;
  const auto add = [&](const std::vector<std::string>& from, const char* kind) {
    for (const std::string& text : from) {
      if (said.insert(text).second) out += fmt::format("<li class=\"{}\">{}</li>\n", kind, html_text(text));
    }
  };
  add(severe, "failed");
  add(warnings, "warning");
  return out.empty() ? "<p>Nothing to beware of.</p>\n" : "<ul class=\"warnings\">\n" + out + "</ul>\n";
}

/// "8 strategies under hot, zipf at 1, 2, 4 threads".
std::string question(const Reported& reported) {
  std::set<std::string> strategies;
  std::vector<std::string> workloads;
  std::set<std::uint64_t> threads;
  for (const ComparedCell& cell : reported.comparison.cells) {
    for (const Entry& entry : cell.entries) strategies.insert(entry.strategy);
    if (std::ranges::find(workloads, cell.workload) == workloads.end()) workloads.push_back(cell.workload);
    threads.insert(cell.threads);
  }
  return fmt::format("{} strateg{} under {} at {} thread{}", strategies.size(), strategies.size() == 1 ? "y" : "ies",
                     fmt::join(workloads, ", "), fmt::join(threads, ", "), *threads.rbegin() == 1 ? "" : "s");
}

/// The controls of the charts; the script fills them and draws below.
constexpr std::string_view kCharts = R"(<div id="charts" hidden>
<form id="controls" autocomplete="off">
<p><label>Workload <select id="panel"></select></label>
<label>Baseline <select id="baseline"><option value="">none: absolute</option></select></label>
<label>Percentile <select id="percentile"></select></label>
<label><input type="checkbox" id="logarithmic"> logarithmic</label></p>
<fieldset id="strategies"><legend>Strategies</legend></fieldset>
</form>
<p id="panel-settings"></p>
<div id="figures"></div>
<p class="notes">Points: medians. Bars: 95 % intervals over replicates; of latency, and of fewer than six replicates, from
the smallest to the largest. Hollow: every replicate was disturbed. Thick dash: predicted by the retry model (<code>occkit
advise</code>). Not drawn: what failed verification, controls and floors.</p>
</div>
<noscript><p>The charts need JavaScript; the tables say the same.</p></noscript>
)";

std::string downloads(const ReportInput& input) {
  std::string out = "<ul>\n";
  for (const ReportedFile& file : input.files) {
    const std::filesystem::path path(file.result.name);
    out += fmt::format("<li><a download=\"{}\" href=\"data:text/csv;base64,{}\">{}</a>",
                       html_text(path.filename().string()), base64(file.csv), html_text(file.result.name));
    if (!file.provenance.is_null()) {
      out += fmt::format(" and <a download=\"{}.json\" href=\"data:application/json;base64,{}\">its JSON</a>",
                         html_text(path.stem().string()),
                         base64(file.provenance.dump(2, ' ', false, Json::error_handler_t::replace)));
    }
    out += "</li>\n";
  }
  return out + "</ul>\n";
}

/// A metric that the files need not have.
Comparison compare_if_there(std::span<const ResultFile> files, ComparisonOptions options, const char* metric) {
  const bool there =
      std::ranges::all_of(files, [&](const ResultFile& file) { return file.table.find_column(metric).has_value(); });
  if (!there) return {};
  options.metric = metric;
  options.every_ratio = false;
  return compare(files, options);
}

struct Resource {
  std::string tags;
  std::string hashes;
  void add(std::string_view before, std::string_view content, std::string_view after) {
    tags += fmt::format("{}{}{}\n", before, content, after);
    hashes += " " + content_hash(content);
  }
};

}  // namespace

nlohmann::ordered_json json_at(const nlohmann::ordered_json& tree, const char* pointer) {
  try {
    return tree.at(Json::json_pointer(pointer));
  } catch (const Json::exception&) {
    return nullptr;  // nothing is there, or something that has no places
  }
}

std::optional<unsigned> processors_of(const ReportedFile& file) {
  const Json at = json_at(file.provenance, "/starts/0/environment/cpu/cores_online");
  if (!at.is_number_unsigned() || at.get<std::uint64_t>() > UINT32_MAX) return std::nullopt;
  return at.get<unsigned>();
}

std::string html_report(const ReportInput& input) {
  std::vector<ResultFile> files;
  for (const ReportedFile& file : input.files) files.push_back(file.result);
  ComparisonOptions options = input.comparison;
  options.every_ratio = input.charts.has_value();
  Reported reported{input,
                    compare(files, options),
                    compare_if_there(files, options, "jain"),
                    compare_if_there(files, options, "bytes_per_doc"),
                    {},
                    {}};
  reported.competitors = competitors_of(reported.comparison);
  reported.predicted = predict_retries(input, reported.comparison);

  Resource styles, scripts;
  styles.add("<style>", page_files::kStyle, "</style>");
  std::string charts = fmt::format("<p class=\"warning\">{}</p>\n", html_text(input.why_no_charts));
  if (input.charts) {
    styles.add("<style>", input.charts->style, "</style>");
    scripts.add("<script>", input.charts->script, "</script>");
    charts = fmt::format("{}<script type=\"application/json\" id=\"data\">{}</script>\n", kCharts,
                         script_json(chart_data(reported)));
  }
  scripts.add("<script>", page_files::kScript, "</script>");

  const std::string history =
      input.history ? fmt::format(
                          "<section aria-labelledby=\"h-history\"><h2 id=\"h-history\">The history</h2>\n{}"
                          "</section>\n",
                          html_history(*input.history))
                    : std::string();
  std::string origins;
  for (const ReportedFile& file : input.files) origins += origin(file);
  const std::string asked = question(reported);
  return fmt::format(
      "{}<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src{}; script-src{}; base-uri "
      "'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"generator\" content=\"occkit {}\">\n"
      "<title>occkit: {}</title>\n{}</head>\n<body>\n"
      "<header><h1>{}</h1>\n{}</header>\n<main>\n"
      "<section aria-labelledby=\"h-beware\"><h2 id=\"h-beware\">Beware</h2>\n{}</section>\n"
      "<section aria-labelledby=\"h-winners\"><h2 id=\"h-winners\">Who wins</h2>\n{}</section>\n"
      "<section aria-labelledby=\"h-charts\"><h2 id=\"h-charts\">By threads</h2>\n{}</section>\n"
      "<section aria-labelledby=\"h-cells\"><h2 id=\"h-cells\">Every cell and its replicates</h2>\n{}</section>\n{}"
      "<section aria-labelledby=\"h-data\"><h2 id=\"h-data\">The rows themselves</h2>\n{}</section>\n"
      "</main>\n<footer><p>Made by occkit {} from what <code>occkit compare</code> computes. Say \"on this "
      "machine\": ratios travel better than figures, and neither travels far.</p></footer>\n{}</body>\n</html>\n",
      kReportBeginning, styles.hashes, scripts.hashes, html_text(input.version), html_text(asked), styles.tags,
      html_text(asked), origins, warnings_of(reported), html_verdicts(reported), charts, html_cells(reported), history,
      downloads(input), html_text(input.version), scripts.tags);
}

}  // namespace occ
