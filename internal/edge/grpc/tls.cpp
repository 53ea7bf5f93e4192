#include "edge/grpc/tls.h"

#include <array>
#include <openssl/err.h>
#include <openssl/ssl.h>

namespace millrace::edge {
namespace {

constexpr unsigned kReadAgainSeconds = 2;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

Status unusable(const std::string& path, const char* what) {
  std::array<char, 256> why{};
  ERR_error_string_n(ERR_peek_last_error(), why.data(), why.size());
  ERR_clear_error();
  return {Code::invalid, path + ": " + what + " (" + why.data() + ")"};
}

// gRPC would only say, and only to itself, that handshakes fail.
Status check(const TlsFiles& files) {
  const std::unique_ptr<SSL_CTX, ContextFree> context(SSL_CTX_new(TLS_server_method()));
  if (SSL_CTX_use_certificate_chain_file(context.get(), files.cert.c_str()) != 1) {
    return unusable(files.cert, "not a certificate in PEM");
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return unusable(files.key, "not the certificate's private key in PEM");
  }
  if (!files.client_ca.empty() &&
      SSL_CTX_load_verify_file(context.get(), files.client_ca.c_str()) != 1) {
    return unusable(files.client_ca, "no certificates in PEM");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<grpc::ServerCredentials>> make_credentials(const TlsFiles& files) {
  if (files.cert.empty()) return grpc::InsecureServerCredentials();
  if (Status failed = check(files); !failed.ok()) return failed;
  using namespace grpc::experimental;
  TlsServerCredentialsOptions options(std::make_shared<FileWatcherCertificateProvider>(
      files.key, files.cert, files.client_ca, kReadAgainSeconds));
  options.watch_identity_key_cert_pairs();
  if (!files.client_ca.empty()) {
    options.watch_root_certs();
    options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  }
  return TlsServerCredentials(options);
}

}  // namespace millrace::edge
