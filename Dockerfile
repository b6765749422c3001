# The bridge as a container image with nothing in it but the static binary.
#
# docker-compose.yml builds the last stage: it compiles in a container and needs
# an image registry and BuildKit (the default since Docker 23). Where there is no
# registry, compile outside and build the first stage:
#
#   CGO_ENABLED=0 go build ./cmd/btmesh2mqtt
#   docker build --target prebuilt -t btmesh2mqtt .

FROM scratch AS prebuilt
COPY btmesh2mqtt /btmesh2mqtt
ENTRYPOINT ["/btmesh2mqtt"]
CMD ["run"]

FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -o /btmesh2mqtt ./cmd/btmesh2mqtt

FROM scratch AS compiled
COPY --from=build /btmesh2mqtt /btmesh2mqtt
ENTRYPOINT ["/btmesh2mqtt"]
CMD ["run"]
