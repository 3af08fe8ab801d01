# Two images from one build:
#
#   docker build --target binary -t lictor .         nothing but /lictor, for an init container (`lictor install DIR`)
#   docker build -t consul-lictor .                   the official Consul image with lictor as its PID 1
#
# The bases are arguments, so that a mirror, or another Consul, is a --build-arg and not an edit.
ARG RUST_IMAGE=docker.io/library/rust:1-slim-bookworm
ARG CONSUL_IMAGE=docker.io/hashicorp/consul:1.22.5

# --- the static binary: the same as `cargo xtask dist` ---------------------------------------------------------------
FROM ${RUST_IMAGE} AS build
WORKDIR /src
COPY . .
# --target is named although it is the host's: without it crt-static would apply to procedural macros too, which are
# shared libraries and then cannot be built. A static binary runs in any image, Alpine's musl and `scratch` included.
RUN set -eu; \
    host=$(rustc -vV | sed -n 's/^host: //p'); \
    RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build --release --locked --package lictor --target "$host"; \
    cp "target/$host/release/lictor" /lictor

# --- the binary alone -------------------------------------------------------------------------------------------------
FROM scratch AS binary
COPY --from=build /lictor /lictor
ENTRYPOINT ["/lictor"]

# --- Consul with lictor as its PID 1; last, so that it is what a plain `docker build` makes ---------------------------
FROM ${CONSUL_IMAGE} AS consul
COPY --from=binary /lictor /usr/local/bin/lictor
# What `docker stop` sends, and what lictor answers with a leave. Said here because a base may have set another.
STOPSIGNAL SIGTERM
# The arguments of the container are those of `lictor run`. No CMD: setting ENTRYPOINT clears the base's
# (`agent -dev …`), and without arguments lictor runs `consul agent -config-dir=/consul/config`.
ENTRYPOINT ["/usr/local/bin/lictor", "run"]
