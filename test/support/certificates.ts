import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Certificates made anew with the openssl command, so that none is kept in the repository. */
export type Authority = {
  readonly ca: string;
  /** A certificate for a DNS name (or `IP:…`, `URI:…`), with its key; its common name is a number unless told otherwise. */
  issue(name: string, commonName?: string): { readonly cert: string; readonly key: string };
  remove(): void;
};

export function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

export function createAuthority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), "sluice-ca-"));
  const file = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync("openssl", args, { stdio: "ignore" });
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-days",
    "2",
    "-subj",
    "/CN=Sluice test authority",
    "-keyout",
    file("ca.key"),
    "-out",
    file("ca.pem"),
  );
  let issued = 0;
  return {
    ca: readFileSync(file("ca.pem"), "utf8"),
    issue(name, commonName) {
      issued += 1;
      const [key, request, cert, extensions] = ["key", "csr", "pem", "ext"].map((ending) =>
        file(`${issued}.${ending}`),
      ) as [string, string, string, string];
      writeFileSync(
        extensions,
        `subjectAltName=${/^(?:IP|URI):/.test(name) ? name : `DNS:${name}`}\n`,
      );
      openssl(
        "req",
        ...newKey,
        "-subj",
        `/CN=${commonName ?? issued}`,
        "-keyout",
        key,
        "-out",
        request,
      );
      openssl(
        "x509",
        "-req",
        "-in",
        request,
        "-CA",
        file("ca.pem"),
        "-CAkey",
        file("ca.key"),
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        extensions,
        "-out",
        cert,
      );
      return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    },
    remove: () => rmSync(folder, { recursive: true }),
  };
}
