// kmem exporter: the figures of all processes on kmem, for Prometheus.  One connection at a time, and a look when one asks.

#include "exporter.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <map>
#include <vector>

#include "../look/look.h"
#include "failure.h"
#include "ps.h"
#include "saved_report.h"

namespace kmem::tool {
namespace {

using Clock = std::chrono::steady_clock;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\', out += c;
    else if (c == '\n') out += "\\n";
    else out += static_cast<unsigned char>(c) < ' ' ? '?' : c;
  }
  return out;
}

/// The group of a process, as version 2 of cgroups has it; empty where there is none.
std::string cgroup_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/cgroup", pid));
  for (std::string line; std::getline(file, line);)
    if (line.rfind("0::", 0) == 0) return line.substr(3);
  return {};
}

/// Samples by family, each of which must be together in the text.
class Metrics {
 public:
  void gauge(const char* name, const char* help, const std::string& labels, double value) {
    add(name, help, "gauge", labels, value);
  }
  /// Its name ends with "_total", which OpenMetrics leaves out where it is declared.
  void counter(const char* name, const char* help, const std::string& labels, double value) {
    add(name, help, "counter", labels, value);
  }

  std::string text(bool open_metrics) const {
    std::string out;
    for (const std::string& name : order_) {
      const Family& family = families_.at(name);
      const bool shorter = open_metrics && family.type == "counter";
      const std::string declared = shorter ? name.substr(0, name.size() - std::strlen("_total")) : name;
      out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", declared, family.help, declared, family.type);
      for (const auto& [labels, value] : family.samples)
        out += fmt::format("{}{} {}\n", name, labels.empty() ? "" : "{" + labels + "}", value);
    }
    return open_metrics ? out + "# EOF\n" : out;
  }

 private:
  struct Family {
    std::string help, type;
    std::vector<std::pair<std::string, double>> samples;
  };
  void add(const char* name, const char* help, const char* type, const std::string& labels, double value) {
    const auto [family, is_new] = families_.try_emplace(name, Family{help, type, {}});
    if (is_new) order_.push_back(name);
    family->second.samples.emplace_back(labels, value);
  }
  std::map<std::string, Family> families_;
  std::vector<std::string> order_;
};

double number(uint64_t n) { return static_cast<double>(n); }

uint64_t slab_bytes(const CacheSnapshot& cache, uint64_t page) { return cache.num_slabs * cache.pages_per_slab * page; }

void add_cache(Metrics& m, const std::string& labels, const CacheSnapshot& cache, uint64_t page) {
  m.gauge("kmem_cache_held_bytes", "Memory of a cache's slabs.", labels, number(slab_bytes(cache, page)));
  m.gauge("kmem_cache_objects_out", "Objects of a cache that the program has.", labels, number(cache.active_objs));
  m.gauge("kmem_cache_objects_cached", "Free objects in the sheaves and barns of a cache.", labels, number(cache.cached_objs));
  m.counter("kmem_cache_refills_total", "Times that a CPU's sheaf of a cache was empty.", labels, number(cache.slow_allocs));
  m.counter("kmem_cache_drains_total", "Times that a CPU's sheaf of a cache was full.", labels, number(cache.slow_frees));
}

/// Those with the most memory by name, and the others together.
void add_caches(Metrics& m, const std::string& labels, const SystemSnapshot& s, size_t most) {
  std::vector<const CacheSnapshot*> caches;
  for (const CacheSnapshot& cache : s.caches)
    if (cache.num_slabs || cache.slow_allocs) caches.push_back(&cache);
  std::stable_sort(caches.begin(), caches.end(),
                   [&](const auto* a, const auto* b) { return slab_bytes(*a, s.page_size) > slab_bytes(*b, s.page_size); });
  CacheSnapshot others;
  others.pages_per_slab = 1;
  for (size_t i = 0; i < caches.size(); ++i) {
    const CacheSnapshot& cache = *caches[i];
    if (i < most) {
      add_cache(m, fmt::format("{},cache=\"{}\"", labels, escaped(cache.name)), cache, s.page_size);
      continue;
    }
    others.num_slabs += cache.num_slabs * cache.pages_per_slab;
    others.active_objs += cache.active_objs;
    others.cached_objs += cache.cached_objs;
    others.slow_allocs += cache.slow_allocs;
    others.slow_frees += cache.slow_frees;
  }
  if (caches.size() > most) add_cache(m, labels + ",cache=\"other\"", others, s.page_size);
}

void add_zones(Metrics& m, const std::string& labels, const SystemSnapshot& s) {
  for (const ZoneSnapshot& zone : s.zones) {
    if (!zone.present) continue;
    const std::string in = fmt::format("{},node=\"{}\",zone=\"{}\"", labels, zone.node, zone.name);
    m.gauge("kmem_zone_managed_bytes", "Memory that a zone manages.", in, number(zone.managed * s.page_size));
    m.gauge("kmem_zone_free_bytes", "Free memory of a zone.", in, number(zone.nr_free * s.page_size));
    m.gauge("kmem_zone_free_resident_bytes", "Free memory of a zone that the host still backs.", in,
            number(zone.dirty * s.page_size));
  }
}

uint64_t held_by(const SystemSnapshot& s) {
  uint64_t sum = s.mapped.bytes;
  for (const ZoneSnapshot& zone : s.zones) sum += (zone.present > zone.nr_free ? zone.present - zone.nr_free : 0) * s.page_size;
  return sum;
}

void add_process(Metrics& m, const std::string& labels, const SystemSnapshot& s, size_t most_caches) {
  m.gauge("kmem_resident_bytes", "Resident memory of the whole process.", labels, number(s.process.resident));
  m.gauge("kmem_held_bytes", "Memory that kmem holds: pages in use, and large blocks.", labels, number(held_by(s)));
  m.gauge("kmem_out_bytes", "Memory that the program has of kmem.", labels, number(s.bytes_in_use));
  m.gauge("kmem_peak_bytes", "The most that was ever held; an upper bound.", labels, number(s.bytes_peak));
  m.gauge("kmem_online_bytes", "Address space whose pages kmem may use.", labels, number(s.bytes_online));
  m.counter("kmem_given_back_bytes_total", "Memory that went back to the host.", labels, number(s.bytes_given_back));
  m.counter("kmem_given_back_calls_total", "Calls in which memory went back to the host.", labels, number(s.times_given_back));
  m.counter("kmem_slow_calls_total", "Allocations and frees that left the fast path.", labels, number(s.paths.slow));
  m.gauge("kmem_large_blocks", "Blocks that are mapped one by one.", labels, number(s.mapped.count));
  m.gauge("kmem_large_block_bytes", "Memory of blocks that are mapped one by one.", labels, number(s.mapped.bytes));
  m.counter("kmem_reclaim_stalls_total", "Requests that had to reclaim memory themselves.", labels, number(s.reclaim.stalls));
  m.counter("kmem_reclaim_pressures_total", "Rounds of reclaim because the host asked.", labels, number(s.reclaim.pressures));
  m.counter("kmem_failed_requests_total", "Requests that got nothing.", labels, number(s.reclaim.failures));
  add_zones(m, labels, s);
  add_caches(m, labels, s, most_caches);
}

std::string collect(const ExporterOptions& options, bool open_metrics) {
  const Clock::time_point begin = Clock::now();
  unsigned denied = 0;
  const std::vector<OnKmem> all = find_processes(denied);
  std::vector<std::pair<const OnKmem*, std::unique_ptr<SavedReport>>> readable;
  for (const OnKmem& process : all)
    if (!process.report.is_null()) readable.emplace_back(&process, std::make_unique<SavedReport>(process.report));
  std::stable_sort(readable.begin(), readable.end(),
                   [](const auto& a, const auto& b) { return held_by(a.second->system()) > held_by(b.second->system()); });
  Metrics m;
  m.gauge("kmem_processes", "Processes that run on kmem and can be read.", "", number(readable.size()));
  m.gauge("kmem_processes_unreadable", "Processes on kmem of another layout, or broken.", "",
          number(all.size() - readable.size()));
  m.gauge("kmem_processes_left_out", "Processes beyond the largest that are exported.", "",
          number(readable.size() > options.most_processes ? readable.size() - options.most_processes : 0));
  for (size_t i = 0; i < readable.size() && i < options.most_processes; ++i) {
    const OnKmem& process = *readable[i].first;
    add_process(m,
                fmt::format("pid=\"{}\",comm=\"{}\",cgroup=\"{}\"", process.pid, escaped(process.name),
                            escaped(cgroup_of(process.pid))),
                readable[i].second->system(), options.most_caches);
  }
  m.gauge("kmem_look_seconds", "Time that this look at all processes took.", "",
          std::chrono::duration<double>(Clock::now() - begin).count());
  return m.text(open_metrics);
}

// HTTP ----------------------------------------------------------------------------------------------------------------------

class Socket {
 public:
  explicit Socket(int fd) : fd_(fd) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

sockaddr_in address_of(const std::string& text) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  const size_t colon = text.rfind(':');
  const std::string host = colon == std::string::npos ? "127.0.0.1" : text.substr(0, colon), port = text.substr(colon + 1);
  const bool number =
      !port.empty() && port.size() < 6 && std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!number || std::stoi(port) > 65535 || inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1)
    throw Failure(fmt::format("{} is no address; write 127.0.0.1:9469", text));
  address.sin_port = htons(static_cast<uint16_t>(std::stoi(port)));
  return address;
}

void send_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t n = send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    done += static_cast<size_t>(n);
  }
}

/// The head of a request; empty where none came within two seconds, or one that is too long.
std::string read_request(int fd) {
  constexpr size_t kLongest = 16384;
  std::string request;
  const Clock::time_point until = Clock::now() + std::chrono::seconds(2);
  while (request.find("\r\n\r\n") == std::string::npos) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd ready{fd, POLLIN, 0};
    char piece[4096];
    if (left <= 0 || request.size() > kLongest || poll(&ready, 1, static_cast<int>(left)) <= 0) return {};
    const ssize_t n = recv(fd, piece, sizeof piece, 0);
    if (n <= 0) return {};
    request.append(piece, static_cast<size_t>(n));
  }
  return request;
}

void answer(int fd, const ExporterOptions& options) {
  const std::string request = read_request(fd);
  if (request.empty()) return;
  const bool get = request.rfind("GET ", 0) == 0;
  const std::string path = get ? request.substr(4, request.find_first_of(" ?", 4) - 4) : "";
  const bool open_metrics = request.find("application/openmetrics-text") != std::string::npos;
  std::string status = "200 OK", type = "text/plain; charset=utf-8", body;
  if (path == "/metrics") {
    body = collect(options, open_metrics);
    type = open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                        : "text/plain; version=0.0.4; charset=utf-8";
  } else if (path == "/") {
    body = "kmem exporter: /metrics\n";
  } else {
    status = get ? "404 Not Found" : "405 Method Not Allowed";
    body = status + "\n";
  }
  send_all(fd, fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status, type,
                           body.size(), body));
}

}  // namespace

void export_metrics(const ExporterOptions& options) {
  move_out_of_the_way();
  if (options.once) return fmt::print("{}", collect(options, options.open_metrics));
  sockaddr_in address = address_of(options.listen);
  const Socket server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(server.fd(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t bytes = sizeof address;
  if (bind(server.fd(), reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(server.fd(), 16) ||
      getsockname(server.fd(), reinterpret_cast<sockaddr*>(&address), &bytes))
    throw Failure(fmt::format("{}: {}", options.listen, std::strerror(errno)));
  char host[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  fmt::print("kmem: metrics at http://{}:{}/metrics\n", host, ntohs(address.sin_port));
  std::fflush(stdout);
  for (;;) {
    const Socket client(accept4(server.fd(), nullptr, nullptr, SOCK_CLOEXEC));
    if (client.fd() >= 0) answer(client.fd(), options);
  }
}

}  // namespace kmem::tool
