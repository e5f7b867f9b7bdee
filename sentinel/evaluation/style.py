"""How the page looks. Two hues of Okabe and Ito's palette, which people with any colour vision tell apart."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fff; --ink: #1c2127; --faint: #5c6670; --line: #dfe3e8; --panel: #f6f8fa;
  --first: #0072b2; --second: #c04e00; --grid: #e8ebef; --bar: #c9d3de;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181d; --ink: #e4e8ec; --faint: #9aa5b1; --line: #313842; --panel: #1b2027;
    --first: #56b4e9; --second: #e69f00; --grid: #272e37; --bar: #3a4552;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
.page { max-width: 1400px; margin: 0 auto; padding: 24px; display: grid; gap: 24px; }
.page { grid-template-columns: minmax(0, 1fr); }
nav { font-size: 14px; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav ul ul { padding-left: 14px; margin-bottom: 8px; }
nav li { margin: 2px 0; }
nav a { color: var(--faint); text-decoration: none; }
nav > ul > li > a { color: var(--ink); font-weight: 600; }
nav a:hover, nav a:focus { text-decoration: underline; }
main { min-width: 0; }
@media (min-width: 1100px) {
  .page { grid-template-columns: 210px minmax(0, 1fr); gap: 40px; }
  nav { position: sticky; top: 24px; align-self: start; max-height: calc(100vh - 48px); overflow: auto; }
}
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; }
h2 { font-size: 22px; margin: 40px 0 4px; padding-top: 14px; border-top: 2px solid var(--ink); }
h3 { font-size: 17px; margin: 32px 0 4px; }
h4 { font-size: 14px; margin: 12px 0 4px; }
p { margin: 4px 0 12px; max-width: 78ch; }
.faint, figcaption, caption { color: var(--faint); }
.faint { font-size: 14px; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 12px 0; }
.tile { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: 8px 12px; }
.tile b { display: block; font-size: 20px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.tile small { font-size: 13px; font-weight: 400; color: var(--faint); }
.tile span { font-size: 13px; color: var(--faint); display: block; }
.charts { display: grid; gap: 16px; margin: 12px 0; }
.charts { grid-template-columns: repeat(auto-fill, minmax(min(250px, 100%), 1fr)); }
figure { margin: 0; padding: 12px; background: var(--panel); }
figure { border: 1px solid var(--line); border-radius: 6px; }
figure.wide { max-width: 800px; }
figcaption { font-size: 13px; }
figcaption b { color: var(--ink); font-size: 14px; display: block; }
svg { display: block; width: 100%; height: auto; margin-top: 8px; }
svg text { fill: var(--faint); font: 11px system-ui, sans-serif; font-variant-numeric: tabular-nums; }
svg .label { font-size: 12px; }
svg .grid { stroke: var(--grid); fill: none; }
svg .curve { stroke: var(--first); stroke-width: 2; fill: none; stroke-linejoin: round; }
svg .chance { stroke: var(--faint); stroke-dasharray: 4 4; fill: none; }
svg .interval { stroke: var(--first); stroke-width: 2; fill: none; }
svg .dot { fill: var(--first); }
svg .bar { fill: var(--bar); }
svg .mark { fill: var(--panel); stroke: var(--second); stroke-width: 2.5; }
svg .mark.diamond { fill: var(--second); }
.scroll { overflow-x: auto; margin: 8px 0 16px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-size: 13px; padding-bottom: 4px; }
th, td { padding: 4px 12px 4px 0; text-align: right; vertical-align: top; }
tr { border-bottom: 1px solid var(--line); }
th { font-weight: 600; color: var(--faint); font-size: 13px; vertical-align: bottom; }
td small { color: var(--faint); display: block; white-space: nowrap; }
th.word, td.word { text-align: left; }
td.text { text-align: left; max-width: 60ch; white-space: pre-wrap; overflow-wrap: anywhere; }
details { margin: 8px 0 16px; }
summary { cursor: pointer; font-weight: 600; font-size: 14px; }
.warn { border-left: 3px solid var(--second); padding-left: 12px; }
@media print { nav { display: none; } figure, tr { break-inside: avoid; } }
"""
