// C++ gRPC at its leanest: a generic service on one completion queue and one thread; every message goes back.
// Prints `ready {"grpc": "127.0.0.1:PORT"}`.
#include <cstdio>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

namespace {

class Call {
 public:
  Call(grpc::AsyncGenericService &service, grpc::ServerCompletionQueue &queue)
      : service_(service), queue_(queue), stream_(&context_) {
    service_.RequestCall(&context_, &stream_, &queue_, &queue_, this);
  }

  void Go(bool ok) {
    switch (step_++) {
      case 0:
        if (!ok) break;
        new Call(service_, queue_);
        return stream_.Read(&message_, this);
      case 1:
        if (!ok) return stream_.Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no message"), this);
        return stream_.WriteAndFinish(message_, grpc::WriteOptions(), grpc::Status::OK, this);
    }
    delete this;
  }

 private:
  grpc::AsyncGenericService &service_;
  grpc::ServerCompletionQueue &queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_;
  grpc::ByteBuffer message_;
  int step_ = 0;
};

}  // namespace

int main() {
  grpc::AsyncGenericService service;
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterAsyncGenericService(&service);
  auto queue = builder.AddCompletionQueue();
  auto server = builder.BuildAndStart();
  std::printf("ready {\"grpc\": \"127.0.0.1:%d\"}\n", port);
  std::fflush(stdout);
  for (int i = 0; i < 64; i++) new Call(service, *queue);
  void *tag;
  bool ok;
  while (queue->Next(&tag, &ok)) static_cast<Call *>(tag)->Go(ok);
}
