// The kernel's part of a call: one thread, epoll, every byte goes back. Prints `ready {"grpc": "127.0.0.1:PORT"}`.
#include <arpa/inet.h>
#include <cerrno>
#include <cstdio>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int main() {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, poll = epoll_create1(0);
  sockaddr_in address{};
  socklen_t size = sizeof address;
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, reinterpret_cast<sockaddr *>(&address), size) || listen(listener, 1024)) return 1;
  getsockname(listener, reinterpret_cast<sockaddr *>(&address), &size);
  std::printf("ready {\"grpc\": \"127.0.0.1:%d\"}\n", ntohs(address.sin_port));
  std::fflush(stdout);
  epoll_event event{}, ready[256];
  event.events = EPOLLIN;
  event.data.fd = listener;
  epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
  static char buffer[1 << 16];
  for (;;) {
    int count = epoll_wait(poll, ready, 256, -1);
    for (int i = 0; i < count; i++) {
      int socket = ready[i].data.fd;
      if (socket == listener) {
        event.data.fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
        if (event.data.fd < 0) continue;
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(poll, EPOLL_CTL_ADD, event.data.fd, &event);
        continue;
      }
      ssize_t got = read(socket, buffer, sizeof buffer);
      // What a socket does not take at once is of no use to a measurement: the peer is gone or does not read.
      if (got == 0 || (got < 0 && errno != EAGAIN) || (got > 0 && write(socket, buffer, got) != got)) close(socket);
    }
  }
}
