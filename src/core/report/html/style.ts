import { inks, seriesColours, toneColours } from "../charts/svg.ts";

/** The style sheet of an HTML report: light and dark, narrow and wide, screen and paper. */

const darkSeries = [
  "#94a3b8",
  "#60a5fa",
  "#fb923c",
  "#34d399",
  "#a78bfa",
  "#f472b6",
  "#22d3ee",
  "#facc15",
];
const darkTones = { good: "#4ade80", bad: "#f87171", caution: "#fbbf24", neutral: "#94a3b8" };

function variables(series: readonly string[], tones: Readonly<Record<string, string>>): string {
  const ofSeries = series.map((colour, at) => `--s${at}:${colour}`);
  const ofTones = Object.entries(tones).map(([tone, colour]) => `--${tone}:${colour}`);
  return [...ofSeries, ...ofTones].join(";");
}

const light = `--page:#fff;--raised:#f8fafc;--ink:${inks.ink};--muted:#586579;--rule:${inks.grid};--axis:${inks.axis};--region:${inks.region};--link:#1d4ed8;${variables(seriesColours, toneColours)}`;
const dark = `--page:#0f172a;--raised:#1e293b;--ink:#e2e8f0;--muted:#a3b1c6;--rule:#334155;--axis:#64748b;--region:#1e293b;--link:#93c5fd;${variables(darkSeries, darkTones)}`;

const ofSeries = seriesColours
  .map((_, at) => `svg .line.s${at}{stroke:var(--s${at})}svg .fill.s${at}{fill:var(--s${at})}`)
  .join("");
const ofTones = Object.keys(toneColours)
  .map(
    (tone) =>
      `svg .tone.${tone}{stroke:var(--${tone})}svg .tone-fill.${tone},svg .tone-text.${tone},svg .band.${tone}{fill:var(--${tone})}.is-${tone}{--tone:var(--${tone})}`,
  )
  .join("");

export const styleSheet = `:root{color-scheme:light dark;${light}}
@media(prefers-color-scheme:dark){:root{${dark}}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 Inter,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:break-word}
main,header,footer{max-width:60rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.5rem}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .25rem;letter-spacing:-.02em}
h2{font-size:1.25rem;margin:3rem 0 1rem;padding-bottom:.35rem;border-bottom:1px solid var(--rule);letter-spacing:-.01em}
h3{font-size:1rem;margin:0}
p{margin:.75rem 0}
a{color:var(--link)}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--page);padding:.5rem}
.sub,figcaption,caption,.note-of,footer{color:var(--muted);font-size:.9rem}
.sub{margin:0}
.verdict{margin:1.5rem 0 0;padding:1rem 1.25rem;background:var(--raised);border-left:5px solid var(--tone);border-radius:0 .5rem .5rem 0}
.verdict b,.note h3,.tone{color:var(--tone)}
.verdict b{display:block;font-size:.8rem;letter-spacing:.06em;text-transform:uppercase}
.verdict p{font-size:1.3rem;line-height:1.35;margin:.15rem 0 0;font-weight:600;letter-spacing:-.01em}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;list-style:none;margin:1.25rem 0 0;padding:0;font-size:.9rem}
dl{display:grid;grid-template-columns:minmax(7.5rem,11rem) minmax(0,1fr);gap:.55rem 1.25rem;margin:1rem 0}
dt{color:var(--muted);font-weight:600}dd{margin:0}
.keys{display:grid;grid-template-columns:repeat(auto-fit,minmax(12.5rem,1fr));gap:.75rem;margin:1.5rem 0;padding:0;list-style:none}
.keys li{background:var(--raised);border-radius:.5rem;padding:.8rem 1rem;display:flex;flex-direction:column}
.keys span{font-size:.85rem;color:var(--muted)}
.keys strong{font-size:1.55rem;line-height:1.3;font-variant-numeric:tabular-nums;letter-spacing:-.02em}
.keys .is-good strong,.keys .is-bad strong,.keys .is-caution strong{color:var(--tone)}
.note{margin:1rem 0;padding:.75rem 1rem;border-left:4px solid var(--tone);background:var(--raised);border-radius:0 .5rem .5rem 0}
.note p{margin:.15rem 0 0}
.narrative{margin:1.5rem 0;padding:1rem 1.25rem;border:1px dashed var(--axis);border-radius:.5rem}
.narrative p{margin:.5rem 0 0}.narrative .mark{color:var(--muted);font-size:.85rem;font-style:italic}
.advice{margin:1rem 0;padding:0;list-style:none;counter-reset:advice}
.advice>li{counter-increment:advice;position:relative;padding:.25rem 0 1.25rem 3rem}
.advice>li::before{content:counter(advice);position:absolute;left:0;top:.15rem;width:2rem;height:2rem;border-radius:50%;display:grid;place-items:center;font-weight:700;color:var(--tone);border:2px solid var(--tone)}
.advice p{margin:.2rem 0 .5rem}
.advice dl{font-size:.9rem;margin:0;gap:.2rem 1rem;grid-template-columns:minmax(8rem,14rem) minmax(0,1fr)}
.scroll{overflow-x:auto;margin:1.25rem 0;background:linear-gradient(to right,var(--page),transparent) local left/2rem 100% no-repeat,linear-gradient(to left,var(--page),transparent) local right/2rem 100% no-repeat,linear-gradient(to right,var(--rule),transparent) scroll left/.6rem 100% no-repeat,linear-gradient(to left,var(--rule),transparent) scroll right/.6rem 100% no-repeat}.scroll:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
table{border-collapse:collapse;width:100%;font-size:.875rem;line-height:1.4}
.dense{font-size:.8rem}.dense th,.dense td{padding-right:.5rem}
caption{text-align:left;padding-bottom:.5rem}caption span{position:sticky;left:0;display:inline-block;max-width:min(100%,calc(100vw - 2.5rem))}
th,td{max-width:22rem;padding:.4rem .7rem .4rem 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600;color:var(--muted)}thead th{vertical-align:bottom}
.wide{min-width:14rem}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}th.number{white-space:normal}
td .tone{font-weight:600}
td code{overflow-wrap:anywhere}
code,pre{font:.85em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,monospace}
pre{background:var(--raised);padding:1rem;border-radius:.5rem;overflow-x:auto;white-space:pre-wrap}
figure{margin:1.75rem 0}figure svg{display:block;width:100%;height:auto}
figcaption{margin-bottom:.5rem}
summary{cursor:pointer;font-size:.875rem;color:var(--link)}
footer{padding:2rem 1.25rem 3rem}
svg text{font-family:inherit}svg .ink{fill:var(--ink)}svg .muted{fill:var(--muted)}svg .grid{stroke:var(--rule)}svg .axis{stroke:var(--axis)}svg .zero{stroke:var(--muted)}svg .region{fill:var(--region)}
${ofSeries}${ofTones}
@media(max-width:40rem){dl,.advice dl{grid-template-columns:1fr;gap:.1rem}dd{margin-bottom:.6rem}figure svg{min-width:34rem}figure .draw{overflow-x:auto}}
@media print{:root{color-scheme:light;${light}}body{font-size:10pt}main,header,footer{max-width:none}nav,.skip{display:none}h2{break-after:avoid;margin-top:1.75rem}figure,.note,.narrative,.keys li,.advice>li,tr{break-inside:avoid}thead{display:table-header-group}.scroll{overflow:visible}*{print-color-adjust:exact}details:not([open]){display:none}}
`;
