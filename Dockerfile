# syntax=docker/dockerfile:1
# Sluice as an image: node, the libraries it needs, production dependencies and src/, and nothing else, no shell either.
# `npm run image:rehearse` performs these stages without Docker and starts what comes out.

ARG NODE_VERSION=26.10.0
# sha256:… of that image; with it the base is the same to the byte.
ARG NODE_DIGEST=

FROM node:${NODE_VERSION}-slim${NODE_DIGEST:+@${NODE_DIGEST}} AS base
WORKDIR /app
COPY .npmrc package.json package-lock.json ./

# The dashboard's page, as `prepare` builds it where the development dependencies are.
FROM base AS dashboard
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
RUN node src/faces/dashboard/build.js

FROM base AS assembly
RUN npm ci --omit=dev --ignore-scripts
COPY src ./src
# What no process of the image reads: types, source maps, documentation, packages' own sources and browser builds, fonts that
# no report uses, and the demonstration with its model (30 MB), which `npm start` runs from the repository.
RUN find node_modules -type f \( -name "*.map" -o -name "*.d.ts" -o -name "*.d.cts" -o -name "*.d.mts" \
      -o -name "*.md" -o -name "*.flow" \) -delete \
  && find node_modules/dejavu-fonts-ttf/ttf -type f \
      ! -name "DejaVuSans.ttf" ! -name "DejaVuSans-Bold.ttf" ! -name "DejaVuSansMono.ttf" -delete \
  && find node_modules/@expo-google-fonts/inter -name "*.ttf" \
      ! -name "Inter_400Regular.ttf" ! -name "Inter_600SemiBold.ttf" -delete \
  && rm -rf node_modules/@energetic-ai node_modules/pdfmake/build node_modules/pdfkit/.yarn \
      node_modules/pdfkit/js/pdfkit.standalone.js node_modules/zod/src node_modules/es-toolkit/src \
      src/faces/dashboard \
  && find node_modules -type d -empty -delete
COPY --from=dashboard /app/dist ./dist
# The root of the image, with the libraries that node is linked with and a user for the names' sake.
RUN mkdir -p /image/etc /image/usr/local/bin /image/var/lib/sluice /image/tmp /image/app \
  && chmod 1777 /image/tmp \
  && cp -L /usr/local/bin/node /image/usr/local/bin/node \
  && ldd /usr/local/bin/node | grep -o "/lib[^ ]*" | xargs -I {} cp -L --parents {} /image \
  && echo "sluice:x:65532:65532:Sluice:/var/lib/sluice:/sbin/nologin" > /image/etc/passwd \
  && echo "sluice:x:65532:" > /image/etc/group \
  && echo "hosts: files dns" > /image/etc/nsswitch.conf \
  && cp -r package.json node_modules src dist /image/app/

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Splits live HTTP traffic between variants of a LightRAG or embedding service" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="scratch"
COPY --from=assembly /image /
# The only place that Sluice writes to; the rest may be read-only.
COPY --from=assembly --chown=65532:65532 /image/var/lib/sluice /var/lib/sluice
ENV PATH=/usr/local/bin NODE_ENV=production
WORKDIR /app
USER 65532:65532
VOLUME /var/lib/sluice
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.SLUICE_ADMIN_PORT || 9090) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/app/src/main/sluice.ts"]
CMD ["serve", "--config", "/etc/sluice/sluice.yaml"]
