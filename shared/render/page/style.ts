/** The page's style sheet: light and dark, wide and narrow, and paper. */
export const pageStyle = `
:root {
  color-scheme: light dark;
  --ground: #f4f6f8; --panel: #fff; --raised: #f0f3f6;
  --text: #18212b; --soft: #55616e; --line: #dde2e8; --edge: #8793a0;
  --link: #0a58a8; --accent: #0b5cad; --on-accent: #fff;
  --bad: #b3241b; --bad-ground: #fcebe9; --warn: #885200; --warn-ground: #fdf1dd;
  --good: #17683a; --good-ground: #e5f3ea; --calm: #3d566f; --calm-ground: #e8eef4;
  --c-line: #2a6db3; --c-area: #2a6db326; --c-new: #cf3d2e; --c-returned: #a8620a; --c-resolved: #2a8a57;
  --c-due: #5b87b8; --c-overdue: #cf3d2e;
  --s0: #2a6db3; --s1: #b5521b; --s2: #2a8a57; --s3: #8a4fb0; --s4: #8a6d00; --s5: #b8386e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #11151a; --panel: #191f26; --raised: #222a33;
    --text: #e3e8ed; --soft: #a0acb8; --line: #2d3640; --edge: #6f7c89;
    --link: #84bdf5; --accent: #84bdf5; --on-accent: #0b1620;
    --bad: #ff9d92; --bad-ground: #3a1e1c; --warn: #f1bb6c; --warn-ground: #35280f;
    --good: #84d3a1; --good-ground: #16301f; --calm: #a9c2da; --calm-ground: #202d3a;
    --c-line: #6aaef0; --c-area: #6aaef02e; --c-new: #f0766a; --c-returned: #dc9a44; --c-resolved: #56b984;
    --c-due: #6f9fd1; --c-overdue: #f0766a;
    --s0: #6aaef0; --s1: #e58f5c; --s2: #56b984; --s3: #c08fe0; --s4: #cdb04a; --s5: #ec7fa9;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; scroll-padding-top: 12px; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
.page { max-width: 1280px; margin: 0 auto; padding: 20px 28px 40px; }
h1, h2, p, ul, dl, dd, figure, figcaption { margin: 0; padding: 0; }
ul { list-style: none; }
a { color: var(--link); text-underline-offset: 3px; text-decoration-thickness: 1px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
main:focus { outline: none; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: 12px; top: -60px; z-index: 3; padding: 8px 14px; background: var(--panel); border: 1px solid var(--edge); border-radius: 6px; }
.skip:focus { top: 12px; }
section, footer { margin-top: 28px; }
h2 { font-size: 17px; line-height: 1.3; font-weight: 650; letter-spacing: -.005em; }
.note { color: var(--soft); margin-top: 3px; max-width: 75ch; }

.top { display: flex; flex-wrap: wrap; gap: 14px 32px; justify-content: space-between; align-items: flex-end; }
.eyebrow { font-size: 12px; font-weight: 600; letter-spacing: .07em; text-transform: uppercase; color: var(--soft); }
h1 { font-size: 25px; line-height: 1.2; font-weight: 680; letter-spacing: -.015em; }
h1 .day { font-weight: 400; color: var(--soft); margin-left: .3em; white-space: nowrap; }
.actions { display: flex; flex-wrap: wrap; gap: 10px 20px; align-items: flex-end; }
.choose, .filter { display: flex; flex-wrap: wrap; gap: 10px; align-items: flex-end; }
.field { display: flex; flex-direction: column; gap: 3px; min-width: 0; }
.field label { font-size: 12px; color: var(--soft); }
input[type=search], select, button {
  text-overflow: ellipsis;
  font: inherit; color: var(--text); background: var(--panel); border: 1px solid var(--edge); border-radius: 6px;
  height: 34px; padding: 0 10px; max-width: 100%; min-width: 0;
}
select { padding-right: 6px; }
input::placeholder { color: var(--soft); opacity: 1; }
button { cursor: pointer; font-weight: 550; padding: 0 14px; }
button:hover { background: var(--raised); }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button.primary:hover { filter: brightness(1.1); }
button:disabled { background: var(--raised); border-color: var(--line); color: var(--soft); cursor: default; }

.progress { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; margin-top: 18px; padding: 10px 16px; background: var(--calm-ground); border-radius: 8px; }
.progress p { font-weight: 550; }
progress { width: 220px; height: 10px; accent-color: var(--accent); }

.summary { margin-top: 20px; }
.headline { font-size: 20px; line-height: 1.35; font-weight: 550; letter-spacing: -.01em; max-width: 62ch; text-wrap: pretty; }
.summary .about { max-width: 110ch; }
.about { color: var(--soft); margin-top: 3px; }
.warning { color: var(--warn); font-weight: 550; }
.tiles { display: grid; grid-template-columns: repeat(9, minmax(0, 1fr)); gap: 1px; margin-top: 16px; background: var(--line); border: 1px solid var(--line); border-radius: 10px; overflow: hidden; }
.tile { background: var(--panel); display: flex; }
.tile > * { flex: 1; padding: 10px 12px 9px; color: inherit; text-decoration: none; min-width: 0; }
.tile a:hover { background: var(--raised); }
.tile a:hover .label { text-decoration: underline; }
.tile a:focus-visible { outline-offset: -3px; }
.tile .value { display: block; font-size: 22px; line-height: 1.2; font-weight: 620; letter-spacing: -.01em; }
.tile .label { display: block; margin-top: 1px; font-size: 12px; line-height: 1.3; color: var(--soft); overflow-wrap: break-word; }
.tile.bad .value { color: var(--bad); }
.tile.good .value { color: var(--good); }
.tile.none .value { color: var(--soft); font-weight: 450; }

.charts { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 16px; }
.kb-grid { display: grid; grid-template-columns: minmax(0, 440px) minmax(0, 1fr); gap: 28px; align-items: start; margin-top: 24px; }
.kb-grid > section { margin: 0; min-width: 0; }
.kb-grid > :only-child { grid-column: 1 / -1; }
.kb-grid .chart { max-width: 480px; }
.kb-grid .list tbody th { min-width: 0; }
.charts .chart { display: grid; grid-row: span 3; grid-template-rows: subgrid; row-gap: 0; }
.chart { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; padding: 14px 16px 10px; min-width: 0; }
.chart h2 { font-size: 14px; }
.chart figcaption p { font-size: 13px; color: var(--soft); }
.chart > svg { display: block; width: 100%; height: auto; padding-top: 10px; }
.chart text { font-size: 11.5px; fill: var(--soft); }
.chart .value { fill: var(--text); font-weight: 600; }
.grid { stroke: var(--line); stroke-width: 1; }
.zero { stroke: var(--edge); stroke-width: 1; }
.line { fill: none; stroke: var(--c-line); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--c-area); stroke: none; }
.dot { fill: var(--c-line); stroke: var(--panel); stroke-width: 1; }
.dot.partial { fill: var(--panel); stroke: var(--c-line); stroke-width: 1.5; }
.bar-new { fill: var(--c-new); } .bar-returned { fill: var(--c-returned); } .bar-resolved { fill: var(--c-resolved); }
.bar-due { fill: var(--c-due); } .bar-overdue { fill: var(--c-overdue); }
.series-0 { --s: var(--s0); } .series-1 { --s: var(--s1); } .series-2 { --s: var(--s2); }
.series-3 { --s: var(--s3); } .series-4 { --s: var(--s4); } .series-5 { --s: var(--s5); }
[class^=series-] .line { stroke: var(--s); } [class^=series-] circle, rect[class^=series-] { fill: var(--s); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 14px; margin-top: 4px; font-size: 12px; color: var(--soft); }
.key .partial { fill: none; stroke: var(--c-line); stroke-width: 2; }
.legend .key { width: 10px; height: 10px; margin-right: 5px; }
details { margin-top: 6px; }
summary { cursor: pointer; font-size: 12px; color: var(--link); width: fit-content; border-radius: 3px; }
.scroll { max-height: 260px; overflow: auto; margin-top: 6px; }

table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; font-weight: inherit; }
.num { text-align: right; }
.numbers { font-size: 12px; margin-top: 6px; }
.numbers th, .numbers td { padding: 3px 6px; border-top: 1px solid var(--line); }
.numbers thead th { border: 0; color: var(--soft); }
.numbers td, .numbers thead th:not(:first-child) { text-align: right; }

.filter { margin-top: 10px; }
.field-search { flex: 1 1 200px; max-width: 320px; }
.field-change select, .field-softwareId select { max-width: 250px; }
.checks { display: flex; gap: 14px; height: 34px; align-items: center; }
.check { display: flex; gap: 6px; align-items: center; }
.check input { margin: 0; width: 16px; height: 16px; accent-color: var(--accent); }
.buttons { display: flex; gap: 12px; align-items: center; }
.bar { display: flex; flex-wrap: wrap; gap: 4px 20px; justify-content: space-between; margin-top: 12px; color: var(--soft); font-size: 13px; }
.status { font-weight: 550; }
.links a { margin-left: 6px; }

.kbs, .list { background: var(--panel); border: 1px solid var(--line); border-radius: 10px; border-collapse: separate; border-spacing: 0; margin-top: 8px; }
.list { margin-top: 10px; }
.kbs th, .kbs td, .list th, .list td { padding: 9px 12px; border-top: 1px solid var(--line); }
.kbs thead th, .list thead th { border-top: 0; padding-block: 8px; font-size: 12px; font-weight: 600; color: var(--soft); white-space: nowrap; }
.kbs thead th { position: sticky; top: 0; background: var(--panel); box-shadow: 0 1px 0 var(--line); z-index: 1; }
.kbs th:first-child, .list th:first-child { padding-left: 16px; } .kbs td:last-child, .list td:last-child { padding-right: 16px; }
.kbs thead th:first-child { border-top-left-radius: 10px; } .kbs thead th:last-child { border-top-right-radius: 10px; }
.kbs thead a { color: inherit; text-decoration: none; }
.kbs thead a:hover { text-decoration: underline; }
.kbs thead [aria-sort] a { color: var(--text); }
.kbs thead [aria-sort] a::after { content: " \\2191"; }
.kbs thead [aria-sort=descending] a::after { content: " \\2193"; }
.kbs .c-machines, .kbs .c-cves { text-align: right; white-space: nowrap; }
.kbs tbody tr:hover > *, .list tbody tr:hover > * { background: var(--raised); }
.kbs tbody tr:last-child > :first-child, .list tbody tr:last-child > :first-child { border-bottom-left-radius: 9px; }
.kbs tbody tr:last-child > :last-child, .list tbody tr:last-child > :last-child { border-bottom-right-radius: 9px; }
.kbs .c-kb { width: 30%; }
.kbs .c-worst { white-space: nowrap; }
.kbs .c-machines, .kbs .c-cves { width: 9%; }
.kbs .c-age { width: 21%; }
.kbs .c-software { width: 27%; }
.number { font-weight: 620; }
.outside { font-size: 12px; margin-left: 8px; white-space: nowrap; }
.outside::after { content: " \\2197"; }
.name, .products, .since, .id, .stalled { display: block; font-size: 12.5px; line-height: 1.4; }
.products, .since, .id { color: var(--soft); }
.overdue { color: var(--bad); font-weight: 550; font-size: 12.5px; }
.days, .overdue { display: inline-block; margin-right: 8px; white-space: nowrap; }
.stalled { color: var(--warn); }
.up, .down { font-size: 12.5px; font-weight: 600; }
.up { color: var(--bad); } .down { color: var(--good); }
.kbs td.num .up, .kbs td.num .down, .list td.num .up, .list td.num .down { display: block; line-height: 1.4; }
s { color: var(--soft); }
.badge { display: inline-block; padding: 1px 9px; border-radius: 999px; font-size: 12px; font-weight: 600; line-height: 1.6; white-space: nowrap; background: var(--calm-ground); color: var(--calm); }
.badge.k-new, .badge.k-worsened { background: var(--bad-ground); color: var(--bad); }
.badge.k-returned, .badge.k-not-read { background: var(--warn-ground); color: var(--warn); }
.badge.k-improved, .badge.k-resolved { background: var(--good-ground); color: var(--good); }
.software li { display: flex; flex-wrap: wrap; gap: 0 10px; justify-content: space-between; }
.software .label { min-width: 0; }
.counts { white-space: nowrap; }
.kind { font-size: 12px; color: var(--soft); }
.kind.k-new, .kind.k-worsened { color: var(--bad); } .kind.k-returned { color: var(--warn); }
.kind.k-improved, .kind.k-resolved { color: var(--good); }
.s-empty { color: var(--good); } .s-not-read, .s-not-kb-patched { color: var(--warn); }
.act { color: var(--bad); font-weight: 600; }
.list thead th { text-align: left; } .list thead th.num { text-align: right; }
.list .wide { width: 18%; }
@media (min-width: 1001px) { .list tbody th { min-width: 250px; } }
.when { white-space: nowrap; }
.share { display: block; width: 100%; height: 8px; margin-top: 6px; fill: var(--c-due); }

.pages ul { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 12px; }
.pages a { display: block; min-width: 34px; padding: 6px 10px; text-align: center; background: var(--panel); border: 1px solid var(--line); border-radius: 6px; text-decoration: none; }
.pages a:hover { border-color: var(--edge); }
.pages [aria-current] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
.pages .gap { margin-left: 14px; }

.back { margin-top: 20px; }
.kb-page { margin-top: 10px; }
.kb-page h2 { font-size: 20px; }
.facts { display: flex; flex-wrap: wrap; gap: 12px 40px; margin-top: 12px; }
.facts dt, .terms dt { font-size: 12px; color: var(--soft); }

footer { border-top: 1px solid var(--line); padding-top: 4px; }
footer h2 { font-size: 14px; }
footer section { margin-top: 20px; }
.exports { display: flex; flex-wrap: wrap; gap: 4px 32px; margin-top: 4px; }
.exports a { margin-left: 6px; }
.terms { columns: 300px 3; column-gap: 32px; margin-top: 8px; font-size: 13px; }
.terms div { break-inside: avoid; padding-bottom: 10px; }
.terms dt { font-weight: 600; color: var(--text); }
.terms dd { color: var(--soft); }
.audit { margin-top: 22px; font-size: 13px; color: var(--soft); }
[hidden] { display: none !important; }

@media screen and (max-width: 1000px) {
  .kb-grid { grid-template-columns: minmax(0, 1fr); }
  .charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 290px), 1fr)); }
  .kbs .c-kb { width: 32%; } .kbs .c-software { width: 24%; }
  .charts .chart text { font-size: 13px; }
}
@media screen and (max-width: 860px) {
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .kbs, .list { display: block; background: none; border: 0; }
  .kbs tbody, .list tbody { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 320px), 1fr)); gap: 10px; }
  .kbs thead, .list thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .kbs tbody tr, .list tbody tr {
    align-content: start; gap: 7px 18px; padding: 11px 14px 12px;
    background: var(--panel); border: 1px solid var(--line); border-radius: 10px;
  }
  .kbs tbody tr { display: flex; flex-wrap: wrap; }
  .kbs .c-kb { flex: 1 1 calc(100% - 140px); min-width: 0; } .kbs .c-worst { flex: none; }
  .kbs .c-age { flex: 1 1 120px; min-width: 0; } .kbs .c-software { flex: 1 1 100%; min-width: 0; }
  .list tbody tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .list tbody th, .list tbody .full { grid-column: 1 / -1; }
  .kbs tbody tr:hover > *, .list tbody tr:hover > * { background: none; }
  .kbs tbody tr > *, .list tbody tr > * { display: block; width: auto !important; padding: 0 !important; border: 0 !important; text-align: left !important; }
  .kbs tbody [data-label]::before, .list tbody [data-label]::before { content: attr(data-label); display: block; font-size: 12px; font-weight: 400; color: var(--soft); }
  .kbs tbody .c-software::before { display: none !important; }
  .kbs tbody .up, .kbs tbody .down, .list tbody .up, .list tbody .down { display: inline !important; }
  .kbs tbody .c-software { border-top: 1px solid var(--line) !important; padding-top: 7px !important; }
  .list .wide, .list tbody td:empty { display: none !important; }
}
@media screen and (max-width: 600px) {
  .page { padding: 16px 16px 32px; }
  section, footer { margin-top: 24px; }
  .headline { font-size: 18px; }
  .tile > * { padding: 8px 10px; }
  .actions, .choose, .filter, .measure, .measure button { width: 100%; }
  .choose { flex-wrap: nowrap; }
  .choose .field { flex: 1 1 0; }
  .choose .field + .field { flex-grow: 1.35; }
  .field select, .field input { width: 100%; max-width: none !important; }
  .filter { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .field-search, .checks { grid-column: 1 / -1; max-width: none; }
  .buttons { flex-direction: row-reverse; }
}
@media screen and (max-width: 860px) and (hover: none) { .pages a { padding-block: 9px; } }
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }
@media (forced-colors: active) { .badge, .tile, .chart { border: 1px solid CanvasText; } .line { stroke: CanvasText; } }

@media print {
  @page { size: A4 landscape; margin: 11mm 12mm; }
  :root {
    color-scheme: light;
    --ground: #fff; --panel: #fff; --raised: #fff; --text: #111; --soft: #4c5661; --line: #c9d0d7; --edge: #8793a0;
    --link: #111; --accent: #111; --on-accent: #fff;
    --bad: #a11d15; --bad-ground: #fcebe9; --warn: #774800; --warn-ground: #fdf1dd;
    --good: #145c33; --good-ground: #e5f3ea; --calm: #3d566f; --calm-ground: #e8eef4;
    --c-line: #2a6db3; --c-area: #2a6db326; --c-new: #cf3d2e; --c-returned: #a8620a; --c-resolved: #2a8a57;
    --c-due: #5b87b8; --c-overdue: #cf3d2e;
    --s0: #2a6db3; --s1: #b5521b; --s2: #2a8a57; --s3: #8a4fb0; --s4: #8a6d00; --s5: #b8386e;
  }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 10.5px; }
  .page { max-width: none; padding: 0; }
  .actions, .filter, .progress, .pages, .skip, .outside, .links, .back, details, footer section:first-child { display: none; }
  a { text-decoration: none; }
  h1 { font-size: 20px; } h2 { font-size: 13px; } .headline { font-size: 15px; }
  section, footer { margin-top: 14px; }
  .tiles { grid-template-columns: repeat(9, minmax(0, 1fr)); }
  .tile .value { font-size: 16px; } .tile .label { font-size: 9.5px; }
  .charts { grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 10px; }
  .chart figcaption p, .legend, .terms, .audit, .bar { font-size: 9.5px; }
  .name, .products, .since, .id, .overdue, .stalled, .up, .down, .badge, .kind { font-size: 9.5px; }
  .kbs thead th, .list thead th { font-size: 9.5px; }
  .kbs thead { display: table-header-group; } .kbs thead th { position: static; box-shadow: none; background: none; }
  .kbs th, .kbs td, .list th, .list td { padding: 4px 7px; }
  tr, .chart, .tiles, .terms div { break-inside: avoid; }
  h2 { break-after: avoid; }
  .kbs, .list { border-radius: 0; border-width: 1px 0; }
}
`;
