"""The colours of a picture and of its page, by day and by night. Part of the file: nothing is fetched."""

from __future__ import annotations

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"

STYLE = """
.weir { --surface: #ffffff; --ink: #16181d; --soft: #5c6370; --line: #d9dce2; --band: #eceef2;
  --first: #2a6fd0; --second: #15875c; --third: #a86b00; --alert: #cf2f2f; --injected: #6b4fc8; --resolved: #14852b; }
@media (prefers-color-scheme: dark) {
  .weir { --surface: #15171c; --ink: #e8eaee; --soft: #9aa1ad; --line: #353a44; --band: #23272f;
    --first: #6aa5f5; --second: #3fbf8d; --third: #d9a13b; --alert: #f26d6d; --injected: #a592f0; --resolved: #53c268; }
}
.weir text { fill: var(--soft); font-size: 11px; }
.weir .name { fill: var(--ink); font-size: 13px; font-weight: 600; }
.weir .title { fill: var(--ink); font-size: 15px; font-weight: 600; }
.weir .surface { fill: var(--surface); }
.weir .band { fill: var(--band); }
.weir .zero, .weir .grid { stroke: var(--line); }
.weir .trace { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.weir .other { stroke-width: 1; stroke-opacity: .55; }
.weir .first { stroke: var(--first); } .weir .second { stroke: var(--second); } .weir .third { stroke: var(--third); }
.weir text.first { fill: var(--first); stroke: none; } .weir text.second { fill: var(--second); stroke: none; }
.weir text.third { fill: var(--third); stroke: none; }
.weir .injected { fill: var(--injected); fill-opacity: .13; }
.weir .growing { fill: var(--injected); fill-opacity: .06; }
.weir .began { stroke: var(--injected); stroke-width: 1.4; stroke-dasharray: 4 3; }
.weir text.kind { fill: var(--injected); }
.weir .standing { fill: var(--alert); } .weir .detected { stroke: var(--alert); stroke-width: 1.6; }
.weir .onset { stroke: var(--alert); stroke-width: 1.4; } .weir .onset-at { fill: var(--alert); }
.weir .updated { stroke: var(--surface); stroke-width: 2; }
.weir .resolved { fill: var(--resolved); } .weir .ended { stroke: var(--resolved); stroke-width: 1.6; }
"""

PAGE_STYLE = """
body.weir { margin: 0 auto; max-width: 1000px; padding: 24px 20px 48px; background: var(--surface); color: var(--ink);
  font: 14px/1.5 FONT; }
.weir h1 { font-size: 20px; margin: 0 0 4px; } .weir h2 { font-size: 16px; margin: 28px 0 8px; }
.weir p { margin: 4px 0; } .weir .soft { color: var(--soft); } .weir .verdict { font-size: 16px; font-weight: 600; }
.weir svg { display: block; width: calc(100% + 24px); height: auto; margin: 16px -12px 0; }
.weir table { border-collapse: collapse; width: 100%; }
.weir .wide { overflow-x: auto; }
.weir th, .weir td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
.weir th { color: var(--soft); font-weight: 500; } .weir td.number { font-variant-numeric: tabular-nums; }
.weir details { border-bottom: 1px solid var(--line); padding: 6px 0; } .weir summary { cursor: pointer; }
.weir dl { display: grid; grid-template-columns: 90px 1fr; gap: 3px 12px; margin: 8px 0 8px 18px; }
.weir dt { color: var(--soft); } .weir dd { margin: 0; overflow-wrap: anywhere; }
.weir .missed { color: var(--alert); font-weight: 600; } .weir .found { color: var(--resolved); font-weight: 600; }
""".replace("FONT", FONT)
