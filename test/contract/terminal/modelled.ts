import { asciiGlyphs, unicodeGlyphs } from "../../../src/faces/terminal/glyphs.ts";
import type { Model } from "../../../src/faces/terminal/model.ts";
import { Samples } from "../../../src/faces/terminal/samples.ts";
import { sceneOf } from "../../../src/faces/terminal/scene.ts";
import { firstUi, type UiState } from "../../../src/faces/terminal/ui-state.ts";
import type { LiveDocument } from "../../../src/wire/live.ts";
import { documentAt } from "./document.ts";

/** What a frame is drawn from, for a document that has been watched for a minute. */
export function modelOf(
  document: LiveDocument,
  ui: Partial<UiState> = {},
  fields: Partial<Model> & { readonly ascii?: boolean } = {},
): Model {
  const { ascii = false, ...rest } = fields;
  const samples = new Samples();
  for (let second = 0; second < 60; second += 1) samples.take(document);
  const state = { ...firstUi, ...ui };
  return {
    ...sceneOf(document, state),
    url: "http://127.0.0.1:9090",
    samples,
    ui: state,
    nowMs: Date.parse(documentAt),
    ageMs: 200,
    stale: null,
    role: "operator",
    glyphs: ascii ? asciiGlyphs : unicodeGlyphs,
    ...rest,
  };
}
