"""The report's style sheet: light and dark, screen, phone and paper. Fonts are the reader's own."""

from tfodcl.report.appearance import COLOURS

PARTS = ("#5b93c9", "#e08a5b", "#3fa98a", "#a9b02f", "#c97fa8", "#8d7fc4", "#8a8f98")


def style_sheet() -> str:
    light = "".join(f"--{name}:{on_light};" for name, (on_light, _) in COLOURS.items())
    dark = "".join(f"--{name}:{on_dark};" for name, (_, on_dark) in COLOURS.items())
    parts = "".join(f"--part-{i}:{colour};" for i, colour in enumerate(PARTS))
    return (
        f":root{{{LIGHT}{light}{parts}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{DARK}{dark}}}}}\n{RULES}"
    )


LIGHT = (
    "color-scheme:light dark;--page:#f6f7f9;--card:#ffffff;--text:#161b22;--muted:#57606c;--edge:#dde1e7;"
    "--grid:#e7eaef;--heat:#0f56a5;--on-heat:#ffffff;--accent:#c93a06;"
)
DARK = (
    "--page:#0f1318;--card:#171c23;--text:#e9edf2;--muted:#a2acb9;--edge:#2b323c;"
    "--grid:#262d36;--heat:#5aa5f5;--on-heat:#0b1016;--accent:#ff7448;"
)
RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--text);
 font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
 font-variant-numeric:tabular-nums}
main{max-width:1000px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.05rem;font-weight:600;color:var(--muted);margin:0 0 12px}
h2{font-size:1.15rem;margin:0 0 2px;line-height:1.3}
h3{font-size:1rem;margin:0 0 4px}
p{margin:0 0 10px}
a{color:inherit}
code,pre{font:0.85em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{margin:0 0 8px;padding:10px 12px;background:var(--page);border:1px solid var(--edge);border-radius:8px;
 white-space:pre-wrap;overflow-wrap:anywhere}
article{margin-top:36px}
article:first-of-type{margin-top:0}
section{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:18px 20px;
 margin-top:16px}
.note,.small-note,figcaption{color:var(--muted);font-size:.88rem;max-width:75ch}
.small-note{margin:8px 0 0}
.next{margin-top:18px}
nav table{width:100%}
nav{background:var(--card);border:1px solid var(--edge);border-radius:12px;padding:10px 20px;
 margin-bottom:28px;overflow-x:auto}
.headline{font-size:1.65rem;line-height:1.28;font-weight:650;letter-spacing:-.01em;margin:6px 0 16px;
 max-width:34em;overflow-wrap:anywhere}
.headline b{color:var(--accent);font-weight:inherit}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(200px,1fr));gap:12px;margin:0}
.tile{border-top:3px solid var(--edge);padding-top:8px}
.tile:first-child{border-color:var(--accent)}
.tile dt{color:var(--muted);font-size:.85rem}
.tile dd{margin:0;font-size:1.75rem;font-weight:650;line-height:1.2;letter-spacing:-.01em}
.tile dd+dd{font-size:.88rem;font-weight:400;color:var(--muted);letter-spacing:0;line-height:1.4;
 margin-top:2px}
svg{display:block;overflow:visible}
svg text{fill:var(--text);font-size:13px}
svg.wide,svg.narrow{width:100%;height:auto}
svg.wide{margin-top:14px}
svg.narrow{display:none}
svg.narrow text{font-size:11.5px}
svg.small{width:100%;height:auto}
svg .tick,svg .name{fill:var(--muted)}
svg .tick{font-size:12px}
svg .name{font-size:12px}
svg.narrow .tick,svg.narrow .name{font-size:11px}
svg.small .tick{font-size:9.5px}
.label tspan{fill:var(--muted)}
.label.strong,.label.strong tspan{font-weight:700;fill:var(--text)}
.axis{stroke:var(--muted);fill:none}
.grid{stroke:var(--grid);fill:none}
.chance{stroke:var(--muted);fill:none;stroke-dasharray:1 4;stroke-linecap:round;stroke-width:1.5}
.band{fill:var(--c);fill-opacity:.1}
.band.strong{fill-opacity:.22}
.line{stroke:var(--c);fill:none;stroke-width:1.8;stroke-linejoin:round}
.line.strong{stroke-width:3.2}
.behind{stroke:var(--edge);fill:none;stroke-width:1.2}
.mark{fill:var(--c);stroke:var(--card);stroke-width:.8}
.dominated .mark{fill-opacity:.4}
.line.front{stroke-width:1.2}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:10px 0 0}
.leader{stroke:var(--c);stroke-opacity:.45;fill:none}
.paper{fill:none;stroke:var(--c);stroke-width:1.8}
.cards{display:grid;grid-template-columns:repeat(5,1fr);gap:4px 16px;margin-top:14px}
.cards figure{margin:0;break-inside:avoid;min-width:0;display:grid;grid-row:span 4;
 grid-template-rows:subgrid;row-gap:4px}
.cards figcaption{font-size:.78rem;line-height:1.3}
.cards .final{color:var(--text);font-weight:600}
.cards .method{font-size:.9rem;padding-top:12px}
.cell{fill:var(--heat)}
svg .on,svg .off{font-size:9.5px}
svg .on{fill:var(--on-heat)}
.scale{white-space:nowrap}
.scale svg{display:inline-block;vertical-align:-2px}
.rows{margin-top:12px}
.row{display:grid;grid-template-columns:9.2rem 1fr 8rem;column-gap:14px;align-items:center;padding:3px 0;
 font-size:.92rem}
.row .value{text-align:right;white-space:nowrap}
.row .value small{display:block;color:var(--muted);font-size:.78rem;line-height:1.1}
.row .detail{grid-column:2/4;color:var(--muted);font-size:.8rem;line-height:1.4}
.dots .row{padding:0}
svg.bar{width:100%}
svg.point{overflow:visible}
.tear{fill:none;stroke:var(--card);stroke-width:3}
.whisker{stroke:var(--c);stroke-width:2}
.run{fill:var(--c);fill-opacity:.35}
.method{display:inline-flex;align-items:center;gap:6px;min-width:0;overflow-wrap:anywhere;line-height:1.2;
 vertical-align:middle}
.method.strong{font-weight:700}
.key{width:12px;height:12px;flex:none;display:inline-block}
.part{white-space:nowrap}
.part .key{vertical-align:-1px;margin-right:4px}
.scroll{overflow-x:auto;margin:10px -20px 0;padding:0 20px}
table{border-collapse:collapse;font-size:.86rem}
th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--grid);white-space:nowrap;
 font-weight:400}
th:first-child,td:first-child{text-align:left;padding-left:0}
thead th{color:var(--muted);vertical-align:bottom;line-height:1.25}
.costs td:last-child{white-space:normal}
.costs thead th{white-space:normal}
.scroll tbody th{position:sticky;left:-20px;background:var(--card);padding-left:0}
tr.strong td,tr.strong th{font-weight:700}
table.facts{width:100%}
table.facts th{color:var(--muted);white-space:normal}
table.facts td{white-space:normal;overflow-wrap:break-word;padding-right:0}
td small{display:block;color:var(--muted);font-size:.82em;line-height:1.1}
tr.strong small{color:inherit}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(260px,1fr));gap:8px 36px}
@media screen and (max-width:900px){.cards{grid-template-columns:repeat(3,1fr)}}
@media screen and (max-width:640px){
 main{padding:14px 10px 40px}
 section{padding:14px 14px;border-radius:10px}
 .scroll{margin:8px -14px 0;padding:0 14px}
 .scroll tbody th{left:-14px}
 .headline{font-size:1.3rem}
 .tiles{grid-template-columns:1fr 1fr}
 .tile dd{font-size:1.4rem}
 .tile dd+dd{font-size:.82rem}
 svg.wide{display:none}
 svg.narrow{display:block;margin-top:10px}
 .cards{grid-template-columns:1fr 1fr}
 .row{grid-template-columns:1fr auto;column-gap:10px;padding:5px 0;font-size:.88rem}
 .row .bar{grid-column:1/3;grid-row:2}
 .row .detail{grid-column:1/3}
 .row .value small{display:inline;margin-left:8px}
 .dots .row{padding:4px 0 0}
}
@media print{
 @page{margin:14mm}
 body{font-size:10.5pt;background:none}
 main{max-width:none;padding:0}
 section,nav{border:0;border-top:1px solid var(--edge);border-radius:0;padding:10px 0;background:none}
 .scroll{margin:8px 0 0;padding:0;overflow:visible}
 .tiles{grid-template-columns:repeat(auto-fit,minmax(140px,1fr))}
 .tile dd{font-size:1.5rem}
 table{font-size:7.6pt}
 th,td{padding:3px 5px}
 article{break-before:page}
 article:first-of-type{break-before:auto}
 .row,.tile,tr,figure,svg{break-inside:avoid}
 h3{break-after:avoid}
}
"""
