#include "harness/support/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "fmt/format.h"

extern char** environ;

namespace occ {
namespace {

/// The reading end of a pipe, with what has come out of it.
class Stream {
 public:
  Stream() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  ~Stream() {
    close_end(0);
    close_end(1);
  }

  [[nodiscard]] int reading_end() const { return ends_[0]; }
  [[nodiscard]] int writing_end() const { return ends_[1]; }
  void close_end(std::size_t end) {
    if (ends_[end] >= 0) close(ends_[end]);
    ends_[end] = -1;
  }
  void read_some() {
    std::array<char, 65536> buffer;
    const ssize_t got = read(ends_[0], buffer.data(), buffer.size());
    if (got > 0) {
      text_.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (got == 0 || errno != EINTR) {
      close_end(0);
    }
  }
  std::string& text() { return text_; }

 private:
  std::array<int, 2> ends_{-1, -1};
  std::string text_;
};

pid_t spawn(const std::vector<std::string>& command, const Stream& output, const Stream& errors) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, output.writing_end(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.writing_end(), STDERR_FILENO);
  pid_t child = 0;
  const int error = posix_spawn(&child, arguments.front(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::system_error(error, std::generic_category(), "cannot start '" + command.front() + "'");
  return child;
}

std::string problem_of(int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  }
  return WEXITSTATUS(status) == 0 ? "" : fmt::format("ended with status {}", WEXITSTATUS(status));
}

}  // namespace

ChildEnd run_child(const std::vector<std::string>& command, std::chrono::milliseconds limit,
                   const std::function<bool()>& give_up) {
  using std::chrono::steady_clock;
  Stream output;
  Stream errors;
  const pid_t child = spawn(command, output, errors);
  output.close_end(1);
  errors.close_end(1);
  const auto deadline = steady_clock::now() + limit;
  std::string killed;
  constexpr int kAskEveryMs = 100;
  // A child may close both and live on: then its end alone is waited for, as long as before.
  constexpr int kLookForEndEveryMs = 5;
  int status = 0;
  for (bool ended = false; !ended;) {
    if (give_up()) killed = "interrupted";
    if (killed.empty() && steady_clock::now() >= deadline) {
      killed = fmt::format("killed after {:.1f} s without an end", static_cast<double>(limit.count()) / 1e3);
    }
    if (!killed.empty()) {
      kill(child, SIGKILL);
      while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      break;
    }
    const bool closed = output.reading_end() < 0 && errors.reading_end() < 0;
    std::array<pollfd, 2> polled{{{output.reading_end(), POLLIN, 0}, {errors.reading_end(), POLLIN, 0}}};
    if (closed) ended = waitpid(child, &status, WNOHANG) == child;
    if (ended || poll(polled.data(), polled.size(), closed ? kLookForEndEveryMs : kAskEveryMs) <= 0) continue;
    if (polled[0].revents != 0) output.read_some();
    if (polled[1].revents != 0) errors.read_some();
  }
  return {std::move(output.text()), std::move(errors.text()), killed.empty() ? problem_of(status) : killed};
}

}  // namespace occ
