namespace Vitrine.Explain.Html;

/// <summary>The style sheet of a story. Colours are chosen for a contrast of at least 4.5:1 of text (WCAG 2.1, AA) on light and dark.</summary>
internal static class StoryStyle
{
    /// <summary>The sheet.</summary>
    public const string Sheet = """

        :root {
          color-scheme: light dark;
          --page: #ffffff; --ink: #1b1f24; --faint: #57606a; --rule: #d0d7de; --band: #f3f5f7; --link: #0550ae;
          --taken: #fff1c2; --taken-line: #9a6700; --stop: #ffebe9; --stop-line: #cf222e; --stop-ink: #a40e26;
          --filled: #dafbe1; --filled-line: #1a7f37; --absent: #fff1e5; --absent-line: #bc4c00; --pointer: #0550ae;
          --l5: #f3e8ff; --l5-line: #8250df; --l4: #ddf4ff; --l4-line: #0969da; --l3: #d5f5ee; --l3-line: #0f766e;
          --l2: #ffefe0; --l2-line: #bc4c00; --l1: #ffe9f4; --l1-line: #bf3989; --l0: #eaeef2; --l0-line: #57606a;
        }
        @media screen and (prefers-color-scheme: dark) { :root {
          --page: #0d1117; --ink: #e6edf3; --faint: #9da7b3; --rule: #3a424c; --band: #161b22; --link: #79c0ff;
          --taken: #3b2e07; --taken-line: #d4a72c; --stop: #3d0f12; --stop-line: #ff7b72; --stop-ink: #ffb3ad;
          --filled: #0f2d17; --filled-line: #56d364; --absent: #3a1e05; --absent-line: #f0883e; --pointer: #79c0ff;
          --l5: #2b1a4a; --l5-line: #bc8cff; --l4: #0c2d4a; --l4-line: #58a6ff; --l3: #0b3330; --l3-line: #2dd4bf;
          --l2: #3a2208; --l2-line: #f0883e; --l1: #3a1229; --l1-line: #f778ba; --l0: #21262d; --l0-line: #9da7b3;
        } }
        * { box-sizing: border-box; }
        html { scroll-padding-top: 1rem; }
        body {
          margin: 0 auto; padding: 1.5rem 2.25rem 4rem; max-width: 1280px; background: var(--page); color: var(--ink);
          font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere;
        }
        .code, .code dd, svg .code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .87em; }
        h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 1rem; }
        h2 { font-size: 1.25rem; margin: 2.5rem 0 .75rem; padding-top: .5rem; border-top: 2px solid var(--rule); }
        h3 { font-size: 1rem; margin: 1.5rem 0 .5rem; }
        p { margin: .5rem 0; max-width: 75ch; }
        a { color: var(--link); }
        :focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
        .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
        .mark { position: relative; color: var(--link); font-size: .75em; vertical-align: .1em; }
        .mark.derived { color: var(--faint); }
        .legend { color: var(--faint); white-space: pre-wrap; max-width: none; }
        nav ol { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; margin: 1rem 0 0; padding: 0; }
        dl { margin: .5rem 0; }
        dl > div { display: grid; grid-template-columns: 10rem 1fr; gap: 0 1rem; padding: .2rem 0; }
        dt { color: var(--faint); }
        dd { margin: 0; max-width: 90ch; }
        dl > .code dd { font-weight: 600; font-size: 1em; }
        dl > .stop { background: var(--stop); border-left: 4px solid var(--stop-line); padding-left: .6rem; margin-left: calc(-.6rem - 4px); }
        dl > .stop dt, dl > .stop dd { color: var(--stop-ink); }
        .scroll { overflow-x: auto; }
        table { border-collapse: collapse; margin: .5rem 0 1rem; min-width: 40%; }
        caption { text-align: left; color: var(--faint); padding: .25rem 0; }
        th, td { text-align: left; vertical-align: top; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid var(--rule); font-weight: 400; }
        thead th { color: var(--faint); font-size: .87em; font-family: inherit; border-bottom-width: 2px; white-space: nowrap; }
        tbody th { font-weight: 600; }
        .number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
        .evidence { width: 1.2rem; padding-right: .5rem; }
        tr.stop > * { background: var(--stop); color: var(--stop-ink); }
        tr.odd > * { background: var(--absent); }
        tr.faint > * { color: var(--faint); }
        tr.depth1 .call { padding-left: 1.5rem; font-weight: 400; }
        tr.depth2 .call { padding-left: 3rem; font-weight: 400; }
        tr.depth3 .call { padding-left: 4.5rem; font-weight: 400; }
        details { margin: .4rem 0; }
        summary { cursor: pointer; padding: .25rem 0; }
        details.failing > summary { color: var(--stop-ink); font-weight: 600; }
        .events { margin: .25rem 0 1rem; padding-left: 2rem; max-width: 85ch; }
        figure { margin: 1rem 0 1.5rem; padding: 0; }
        figcaption { color: var(--faint); margin-bottom: .5rem; }
        .drawing { overflow-x: auto; position: relative; }
        .drawing:hover, .drawing:focus-within { z-index: 1; }
        @media (min-width: 1120px) { .drawing, .drawing svg { overflow: visible; } }
        svg { display: block; width: 100%; min-width: 1040px; height: auto; }
        svg text { font-size: 13px; fill: var(--ink); }
        svg .small { font-size: 11.5px; }
        svg .dense { font-size: 9.5px; }
        svg .tiny { font-size: 8px; }
        svg .code { font-size: 11.5px; }
        svg .large { font-size: 15px; font-weight: 600; }
        svg .operator { font-size: 20px; fill: var(--faint); }
        svg .strong { font-weight: 600; }
        svg .faint { fill: var(--faint); }
        svg .stopped { fill: var(--stop-ink); }
        svg .middle { text-anchor: middle; }
        svg .end { text-anchor: end; }
        svg .box { fill: var(--band); stroke: var(--rule); stroke-width: 1; }
        svg .box.taken { fill: var(--taken); stroke: var(--taken-line); }
        svg .box.stop { fill: var(--stop); stroke: var(--stop-line); stroke-width: 2; }
        svg .box.filled { fill: var(--filled); stroke: var(--filled-line); stroke-width: 2; }
        svg .box.absent { fill: var(--absent); stroke: var(--absent-line); stroke-width: 2; stroke-dasharray: 5 3; }
        svg .box.panel { fill: var(--page); stroke: var(--ink); stroke-width: 1.5; }
        svg .box.unused { fill: none; stroke-dasharray: 4 3; }
        svg .field.unused .box { fill: none; stroke-dasharray: 4 3; }
        svg .box.bit { stroke: var(--faint); rx: 0; }
        svg .box.bit.set { fill: var(--taken); stroke: var(--taken-line); }
        svg .box.bit.address { fill: var(--l4); stroke: var(--l4-line); }
        svg .box.bit.wrong { fill: var(--stop); stroke: var(--stop-line); }
        svg .box.bit.clear { fill: var(--page); }
        svg .box.bit.ignored { fill: var(--band); stroke: var(--rule); }
        svg .box.level5 { fill: var(--l5); stroke: var(--l5-line); } svg .index.level5 { stroke: var(--l5-line); }
        svg .box.level4 { fill: var(--l4); stroke: var(--l4-line); } svg .index.level4 { stroke: var(--l4-line); }
        svg .box.level3 { fill: var(--l3); stroke: var(--l3-line); } svg .index.level3 { stroke: var(--l3-line); }
        svg .box.level2 { fill: var(--l2); stroke: var(--l2-line); } svg .index.level2 { stroke: var(--l2-line); }
        svg .box.level1 { fill: var(--l1); stroke: var(--l1-line); } svg .index.level1 { stroke: var(--l1-line); }
        svg .box.level0 { fill: var(--l0); stroke: var(--l0-line); } svg .index.level0 { stroke: var(--l0-line); }
        svg .index { fill: none; stroke: var(--faint); stroke-width: 1.25; stroke-dasharray: 4 3; }
        svg .pointer { fill: none; stroke: var(--pointer); stroke-width: 1.75; }
        svg .pointer.stop { stroke: var(--stop-line); }
        svg .pointer.absent { stroke: var(--absent-line); }
        svg .pointer.head { fill: var(--pointer); stroke: none; }
        svg .pointer.stop.head { fill: var(--stop-line); }
        svg .pointer.absent.head { fill: var(--absent-line); }
        svg .rule, svg .divider { stroke: var(--rule); fill: none; }
        svg .strip { fill: var(--rule); } svg .here { fill: var(--taken-line); }
        svg circle.observed { fill: var(--link); } svg circle.derived { fill: none; stroke: var(--faint); stroke-width: 1.5; }
        svg .target { fill: transparent; stroke: none; cursor: help; }
        svg .hot:focus-visible { outline: none; }
        svg .hot:hover > .target, svg .hot:focus > .target { stroke: var(--link); stroke-width: 3; }
        svg .tip { display: none; pointer-events: none; }
        svg .hot:hover .tip, svg .hot:focus .tip { display: inline; }
        @media (max-width: 720px) {
          body { padding: 1rem 1rem 3rem; }
          h1 { font-size: 1.35rem; }
          dl > div { grid-template-columns: 1fr; padding: .35rem 0; }
          table, tbody, tr, th, td { display: block; width: auto; }
          caption { display: block; }
          thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
          tbody tr { position: relative; display: flex; flex-direction: column; padding: .4rem 0 .4rem 1.4rem; border-bottom: 1px solid var(--rule); }
          th, td { border: 0; padding: 0; text-align: left; }
          tr.stop, tr.odd { padding-right: .4rem; }
          tr.stop { background: var(--stop); } tr.odd { background: var(--absent); }
          .evidence { position: absolute; left: 0; top: .4rem; }
          .empty { display: none; }
          tbody th { order: -1; }
          tr.depth1, tr.depth2, tr.depth3 { margin-left: 1rem; }
          tr .call { padding-left: 0 !important; }
          td[data-label]::before, th.number::before { content: attr(data-label) ": "; color: var(--faint); font-family: system-ui, sans-serif; }
          .number { white-space: normal; text-align: left; }
        }
        @media print {
          :root { color-scheme: light; }
          body { max-width: none; padding: 0; font-size: 10pt; }
          nav { display: none; }
          svg { min-width: 0; }
          figure, tr, dl > div { break-inside: avoid; }
          h2, h3 { break-after: avoid; }
          details::details-content { content-visibility: visible; height: auto; }
          .scroll, .drawing { overflow: visible; }
        }

        """;
}
