// gRPC for C++: `grpc_cpp HOST:PORT`. The cases are those of conversation.py.
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

namespace {

const int kSmall = 900, kLarge = 600000, kLimit = 1 << 20, kMany = 50;
const char *const kService = "/test.Service/";

struct Call {
  grpc::ClientContext context;
  grpc::ByteBuffer reply;
  grpc::Status status;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;

  std::string Body() const {
    std::vector<grpc::Slice> slices;
    std::string whole;
    if (reply.Valid()) (void)reply.Dump(&slices);
    for (const auto &slice : slices) whole.append(reinterpret_cast<const char *>(slice.begin()), slice.size());
    return whole;
  }
};

std::string Body(int size, int seed = 0) {
  std::string made(size, 0);
  for (int i = 0; i < size; i++) made[i] = static_cast<char>((static_cast<long>(i) * 7 + seed) % 251);
  return made;
}

std::string File(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::shared_ptr<grpc::Channel> ChannelTo(const std::string &address) {
  const char *folder = std::getenv("INTEROP_TLS");
  if (folder == nullptr || !*folder) return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = File(std::string(folder) + "/ca.crt");
  options.pem_private_key = File(std::string(folder) + "/till.key");
  options.pem_cert_chain = File(std::string(folder) + "/till.crt");
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride("localhost");
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
}

class Client {
 public:
  explicit Client(const std::string &address) : stub_(ChannelTo(address)) {}

  std::unique_ptr<Call> Begin(std::string name, const std::string &request, int timeout_ms = 10000, bool who = false) {
    auto call = std::make_unique<Call>();
    if (who) {
      call->context.AddMetadata("authorization", "Bearer r7");
      call->context.AddMetadata("trace-bin", Body(40));
    }
    call->context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    grpc::Slice slice(request);
    call->reader = stub_.PrepareUnaryCall(&call->context, name[0] == '/' ? name : kService + name,
                                          grpc::ByteBuffer(&slice, 1), &queue_);
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call.get());
    return call;
  }

  void Wait(int count) {
    void *tag;
    bool ok;
    while (count-- > 0 && queue_.Next(&tag, &ok)) {
    }
  }

  std::unique_ptr<Call> Make(const std::string &name, const std::string &request, int timeout_ms = 10000, bool who = false) {
    auto call = Begin(name, request, timeout_ms, who);
    Wait(1);
    return call;
  }

 private:
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
};

std::map<std::string, std::string> said;

void Say(const std::string &name, const Call &call, const std::string &what, bool with_text = true) {
  std::stringstream line;
  line << "[" << call.status.error_code() << ", \"" << (with_text ? call.status.error_message() : "") << "\", \"" << what
       << "\"]";
  said[name] = line.str();
}

std::string Whole(const Call &call, const std::string &expected) {
  return call.Body() == expected ? "whole" : "broken";
}

std::string Reason(const Call &call) {
  return call.status.error_details().find("OUT_OF_RANGE") == std::string::npos ? "" : "OUT_OF_RANGE";
}

void Converse(Client &client) {
  for (auto [name, method, size] : {std::tuple{"empty", "Echo", 0}, {"small", "Echo", kSmall}, {"large", "Echo", kLarge},
                                    {"later", "Later", kSmall}}) {
    auto call = client.Make(method, Body(size));
    Say(name, *call, Whole(*call, Body(size)));
  }
  std::vector<std::unique_ptr<Call>> many;
  for (int seed = 0; seed < kMany; seed++) many.push_back(client.Begin("Later", Body(kSmall, seed)));
  client.Wait(kMany);
  Say("many", *many[0], "whole");
  for (int seed = 0; seed < kMany; seed++)
    if (Whole(*many[seed], Body(kSmall, seed)) != "whole") Say("many", *many[seed], "broken");
  auto who = client.Make("Who", "", 10000, true);
  Say("who", *who, who->Body());
  auto health = client.Make("/grpc.health.v1.Health/Check", "\x0a\x0ctest.Service");
  Say("health", *health, health->Body() == "\x08\x01" ? "SERVING" : "else");
  auto refused = client.Make("Refuse", "");
  Say("refused", *refused, Reason(*refused));
  auto unknown = client.Make("Nothing", "");
  Say("unknown", *unknown, Reason(*unknown));
  auto late = client.Make("Never", "", 200);
  Say("late", *late, Reason(*late), false);
  auto left = client.Begin("Never", "");
  left->context.TryCancel();
  client.Wait(1);
  Say("left", *left, Reason(*left), false);
  auto large = client.Make("Echo", Body(kLimit + 1));
  Say("too_large", *large, Reason(*large), false);
  auto after = client.Make("Echo", Body(kSmall));
  Say("after_all", *after, Whole(*after, Body(kSmall)));
}

}  // namespace

int main(int, char **arguments) {
  Client client(arguments[1]);
  Converse(client);
  const char *comma = "{";
  for (const auto &[name, line] : said) std::cout << comma << "\"" << name << "\": " << line, comma = ", ";
  std::cout << "}" << std::endl;
}
