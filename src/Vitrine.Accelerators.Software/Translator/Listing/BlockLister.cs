using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Translation;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>Lists blocks: translates them by the translator that runs, with marks, and throws the code away.</summary>
/// <param name="preview">Writes them.</param>
/// <param name="stubs">The shared code that its blocks call.</param>
internal sealed unsafe class BlockLister(BlockPreview preview, EntryStubs stubs)
{
    // SAFETY: guest code is read within its page, host code where it was just written.
    private const int PageSize = Page.Size;

    private readonly HostDisassembler _host = new(stubs);

    /// <summary>Translates and lists the block at a host address.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">
    /// Host address of the page that its only instruction goes on in; null to list what doesn't go beyond its page.
    /// </param>
    /// <param name="mode">The mode it runs in; 64-bit or flat 32-bit code.</param>
    /// <param name="rip">RIP of its first instruction.</param>
    /// <returns>
    /// Null when its first instruction reaches into the next page and none is given; when it is given, also where the interpreter has to
    /// execute it.
    /// </returns>
    public BlockListing? List(byte* guest, byte* secondPage, ExecutionMode mode, ulong rip)
    {
        bool is64 = (mode & ExecutionMode.Code64) != 0;
        int start = (int)((ulong)guest & (PageSize - 1));
        byte* body = preview.NextCode;
        CodeMarks marks = new(body, rip - (ulong)start, is64 ? ulong.MaxValue : uint.MaxValue);
        byte* entry = preview.Write(guest, secondPage, mode, marks, out TranslatedBlock block);
        if (entry == null) return null;
        marks.Add(entry, "entry for branches from elsewhere");
        byte* end = preview.WriteEntry(in block);
        List<BlockPart> parts = [];
        int total = (int)(end - body);
        if (marks.All[0].Host > 0)
        {
            string title = block.SecondPage != null ? "is the second page where it was?" : "loop: looks for requests";
            parts.Add(new BlockPart(title, null, _host.List(body, 0, marks.All[0].Host, total, marks)));
        }

        for (int i = 0; i < marks.All.Count; i++)
        {
            CodeMark mark = marks.All[i];
            int next = i + 1 < marks.All.Count ? marks.All[i + 1].Host : total;
            GuestCodeLine? line = mark.Instruction < 0 ? null : Guest(mark.Instruction, is64, rip - (ulong)start);
            if (line is null && next == mark.Host) continue;
            parts.Add(new BlockPart(mark.Title, line, _host.List(body, mark.Host, next, total, marks)));
        }

        return new BlockListing(rip, is64 ? 64 : 32, block.Instructions, GuestBytes(in block), total, parts);
    }

    private int GuestBytes(in TranslatedBlock block) =>
        block.Instructions == 0 ? 0 : block.SecondPage != null ? block.GuestBytes + preview.BytesInSecondPage : block.GuestBytes;

    private GuestCodeLine Guest(int offset, bool is64, ulong pageRip)
    {
        byte* code = preview.GuestCode(offset, out int length);
        ulong rip = pageRip + (ulong)offset;
        return CodeText.Guest(code, length, is64 ? 64 : 32, is64 ? rip : (uint)rip, preview.DecoderOptions);
    }
}
