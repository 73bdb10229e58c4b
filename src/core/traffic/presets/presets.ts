import { lightrag } from "./lightrag.ts";
import { ollama } from "./ollama.ts";
import { openai } from "./openai.ts";
import { openviking } from "./openviking.ts";
import type { PresetRoute } from "./preset.ts";
import { tei } from "./tei.ts";

/** The APIs that Sluice knows, by name. */
export const presetNames = ["lightrag", "openviking", "openai", "ollama", "tei"] as const;

export type PresetName = (typeof presetNames)[number];

export const presets: Readonly<Record<PresetName, readonly PresetRoute[]>> = {
  lightrag,
  openviking,
  openai,
  ollama,
  tei,
};
