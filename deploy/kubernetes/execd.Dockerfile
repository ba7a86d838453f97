# The daemon alone: every Pod's first container copies it from here. Build it from the folder that has the static executable:
#   docker build -f deploy/kubernetes/execd.Dockerfile -t REGISTRY/perimeter-execd:VERSION .build/execd/release
FROM scratch
COPY --chmod=0555 perimeter-execd /perimeter-execd
USER 1000:1000
ENTRYPOINT ["/perimeter-execd"]
