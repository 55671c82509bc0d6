"""How the page of contracts looks, by day and by night, and what its buttons do. Part of the file."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ground: #ffffff; --ink: #16181d; --soft: #5c6370; --line: #d9dce2; --band: #f3f4f7;
  --link: #1f5fbf; }
@media (prefers-color-scheme: dark) { :root { --ground: #15171c; --ink: #e8eaee; --soft: #9aa1ad; --line: #353a44;
  --band: #20242b; --link: #7db1f8; } }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif; }
main { max-width: 1000px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 22px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 40px 0 8px; } h3 { font-size: 15px; }
.soft { color: var(--soft); max-width: 75ch; } a { color: var(--link); }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; padding: 10px 0; border-bottom: 1px solid var(--line); }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 5px 14px 5px 0; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
th { color: var(--soft); font-weight: 500; } td:first-child { white-space: nowrap; }
code, pre { font: 13px/1.5 ui-monospace, 'DejaVu Sans Mono', monospace; }
figure { margin: 14px 0; border: 1px solid var(--line); border-radius: 6px; }
figcaption { display: flex; justify-content: space-between; color: var(--soft); padding: 5px 12px;
  border-bottom: 1px solid var(--line); }
pre { margin: 0; padding: 12px; overflow-x: auto; background: var(--band); }
button { font: inherit; font-size: 13px; color: var(--link); background: none; border: 0; cursor: pointer; }
"""

COPY = """
for (const button of document.querySelectorAll("button")) {
  const code = button.closest("figure").querySelector("pre");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {  // a file of this machine may not write there: the text is selected instead
      getSelection().selectAllChildren(code);
    }
    button.textContent = "copied";
  });
}
"""
