using System.Globalization;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Translation;
using Vitrine.Errors;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.Translator.Listing;

/// <summary>The translator as tools see it. The vCPU must stand: nothing runs in the code memory.</summary>
internal sealed unsafe class TranslatorInspection : ITranslatorInspection
{
    // SAFETY: host addresses are those that the MMU has for guest code.
    private const int PageSize = Page.Size;

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly CodeFinder _code;
    private readonly TranslatorEngine _engine;

    /// <summary>Looks into the translator of a vCPU.</summary>
    public TranslatorInspection(CpuState* cpu, SoftMmu mmu, CodeFinder code, TranslatorEngine engine)
    {
        _cpu = cpu;
        _mmu = mmu;
        _code = code;
        _engine = engine;
    }

    /// <inheritdoc/>
    public BlockListing ListBlock(ulong linear)
    {
        if (!CpuModes.IsTranslated(_cpu->Mode))
        {
            throw VitrineException.User(
                ErrorCode.TranslatorModeInterpreted,
                $"The guest is in {ModeName()}, whose code is not translated.",
                "The translator takes 64-bit code, and 32-bit code in flat segments; the interpreter executes everything else.",
                "Let the guest run on until it is in such a mode.");
        }

        bool is64 = (_cpu->Mode & ExecutionMode.Code64) != 0;
        if (!_mmu.TryTranslate(linear, out ulong gpa)) throw NoCode(linear, "no page is mapped there as the guest's paging stands");
        byte* host = _mmu.HostFor(gpa, 1, out _);
        if (host == null) throw NoCode(linear, "no memory is behind it, but a device or nothing");
        if (!_engine.Translations.HasRoom) _code.Flush();

        const ExecutionMode NotTheGuests = ExecutionMode.SingleStep | ExecutionMode.FloatTraps | ExecutionMode.X87Traps;
        ExecutionMode mode = (_cpu->Mode & ~NotTheGuests) | CpuModes.FloatTraps(_cpu);
        ulong rip = is64 ? linear : (uint)(linear - _cpu->Segments[Seg.Cs].Base);
        BlockLister lister = new(_engine.Translator.Preview, _engine.Translations.Stubs);
        return lister.List(host, null, mode, rip)
            ?? (SecondPage(linear) is { } second ? lister.List(host, (byte*)second, mode, rip) : null)
            ?? throw NoCode(linear, "the instruction there reaches into the next page, and the interpreter executes it");
    }

    private nint? SecondPage(ulong linear)
    {
        ulong next = GuestRip.Truncate(_cpu, (linear & ~(ulong)(PageSize - 1)) + PageSize);
        if (!_mmu.TryTranslate(next, out ulong gpa)) return null;
        byte* host = _mmu.HostFor(gpa, PageSize, out _);
        return host == null ? null : (nint)host;
    }

    private static VitrineException NoCode(ulong linear, string why) => VitrineException.User(
        ErrorCode.TranslatorNoBlock,
        string.Create(CultureInfo.InvariantCulture, $"There is no block at linear address 0x{linear:x}."),
        $"Probably {why}.",
        "Give another address, or let the guest run on first.").With("address", linear);

    private string ModeName() =>
        (_cpu->Mode & ExecutionMode.Protected) == 0 ? "real mode"
        : (_cpu->Mode & ExecutionMode.Virtual8086) != 0 ? "virtual-8086 mode"
        : (_cpu->Mode & ExecutionMode.Code32) == 0 ? "16-bit protected mode"
        : "32-bit protected mode with segments that are not flat";
}
