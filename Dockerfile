# Comptoir in an image without a shell: build it with `docker build -t comptoir .`, run it with
#   docker run -p 8080:8080 -v comptoir:/data comptoir
# The first start writes the operator's password to /data/comptoir.db.operator-password; to choose it, mount a secret and
# name it in COMPTOIR_OPERATOR_PASSWORD_FILE.

FROM rust:1.95-slim-trixie AS build
WORKDIR /src
COPY . .
RUN cargo build --locked --release --bin comptoir \
    && install -D --mode=0755 target/release/comptoir /image/usr/local/bin/comptoir \
    && install -d --mode=0700 --owner=65532 --group=65532 /image/data

# glibc and its friends, no shell, no package manager.
FROM gcr.io/distroless/cc-debian13:nonroot
LABEL org.opencontainers.image.title="Comptoir" \
      org.opencontainers.image.description="The back office of a small trading team in one binary and one SQLite file" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /image/usr/local/bin/comptoir /usr/local/bin/comptoir
COPY --from=build --chown=65532:65532 /image/data /data
ENV COMPTOIR_DATABASE=/data/comptoir.db \
    COMPTOIR_LISTEN=0.0.0.0:8080 \
    COMPTOIR_ENVIRONMENT=container
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# The program asks itself: there is no curl in here.
HEALTHCHECK --interval=15s --timeout=6s --start-period=10s --retries=3 CMD ["/usr/local/bin/comptoir", "health"]
ENTRYPOINT ["/usr/local/bin/comptoir"]
CMD ["serve"]
