using System.Globalization;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.Translator.Listing;
using Vitrine.Accelerators.Translation;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Reports a signal that emitted code has raised: which instruction of the host, for which of the guest, in which block.</summary>
internal sealed unsafe class HostFaultReporter : IStubFaults
{
    // SAFETY: host code is read in the view that can be written, where the fault was; the state is that of the vCPU that owns this object.
    private const int PageSize = 0x1000;

    private readonly CpuState* _cpu;
    private readonly SoftMmu _mmu;
    private readonly CodeFinder _code;
    private readonly VcpuExit _exit;
    private readonly TranslationCache _translations;
    private readonly BlockTranslator _translator;
    private IBlockCheck? _check;

    /// <summary>The reporter of a vCPU.</summary>
    public HostFaultReporter(CpuState* cpu, SoftMmu mmu, CodeFinder code, VcpuExit exit, TranslationCache translations, BlockTranslator translator)
    {
        _cpu = cpu;
        _mmu = mmu;
        _code = code;
        _exit = exit;
        _translations = translations;
        _translator = translator;
    }

    /// <summary>The signal that the vCPU has stopped at; null when there was none.</summary>
    public HostFault? Fault { get; private set; }

    /// <summary>Blocks run alone from now on, and parts of them that belong to no block of the cache.</summary>
    public void CheckBlocks(IBlockCheck check) => _check = check;

    /// <summary>Another state was put: what was reported is over.</summary>
    public void Clear() => Fault = null;

    /// <summary>Leaves with what was reported.</summary>
    public void Leave() => _exit.ForHostFault(Convert.FromHexString(Fault!.Instruction?.Bytes ?? ""));

    /// <summary>Translated code was left because an instruction of it raised a signal.</summary>
    public void StopAtTranslated()
    {
        SignalRecord signal = _cpu->Signal;
        _cpu->Signal = default;
        byte* at = InstructionOf(in signal, _translations.ToExecutable);
        TranslatedBlock* block = BlockOf(at, out byte* inBlock);
        ulong rip = block == null ? _cpu->Rip : GuestRip.Truncate(_cpu, _cpu->PageRip + ((ulong)block->Guest & (PageSize - 1)));
        byte* start = block == null ? _translations.Start : Writable(block->Body);
        HostCodeLine host = InstructionAt(at, start, rip);
        bool isShared = block == null || at < _translations.FirstBlock;
        string place = isShared ? "the code that all blocks share" : string.Create(CultureInfo.InvariantCulture, $"the block at 0x{rip:x}");

        // From here on the code behind the last block is written again.
        BlockListing? listing = block == null || !_translations.HasRoom ? null
            : new BlockLister(_translator.Preview, _translations.Stubs).List(block->Guest, block->SecondPage, block->Mode, rip);
        GuestCodeLine? guest = at >= _translations.Stubs.Read && at < _translations.FirstBlock
            ? WithRip(listing, GuestRip.At(_cpu, inBlock + 1 + MissSite.Offset))
            : AtOffset(listing, inBlock - start);
        Stop(in signal, host, place, guest?.Rip ?? rip, guest, listing);
    }

    /// <inheritdoc/>
    public void StopAtStub(in SignalRecord signal, Op* op, HostStub* stub)
    {
        ulong rip = _cpu->Rip;
        int bitness = (_cpu->Mode & ExecutionMode.Code64) != 0 ? 64 : (_cpu->Mode & ExecutionMode.Code32) != 0 ? 32 : 16;
        byte* bytes = stackalloc byte[CodeFinder.MaxLength];
        GuestCodeLine guest = CodeText.Guest(bytes, _code.CopyInstruction(rip, bytes), bitness, rip, _translator.DecoderOptions);
        byte* start = (byte*)stub->Entry;
        byte* at = InstructionOf(in signal, 0);
        HostCodeLine host = InstructionAt(at, start, rip);
        int length = HostExecutor.Of(_cpu).Stubs.CodeOf(stub->Key).Length;
        CodeMarks marks = new(start, rip, ulong.MaxValue);
        BlockPart part = new("", guest, new HostDisassembler(_translations.Stubs).List(start, 0, length, length, marks));
        BlockListing listing = new(rip, bitness, 1, op->Length, length, [part]);
        Stop(in signal, host, "the code that executes the instruction for the interpreter", rip, guest, listing);
    }

    private static GuestCodeLine? AtOffset(BlockListing? listing, long offset) =>
        listing?.Parts.LastOrDefault(part => part.Host.Count > 0 && part.Host[0].Offset <= offset)?.Guest;

    private static GuestCodeLine? WithRip(BlockListing? listing, ulong rip) => listing?.Parts.FirstOrDefault(part => part.Guest?.Rip == rip)?.Guest;

    private void Stop(in SignalRecord signal, HostCodeLine host, string place, ulong rip, GuestCodeLine? guest, BlockListing? listing)
    {
        Fault = new HostFault
        {
            Signal = signal.Number.ToString(),
            Code = signal.Code,
            Address = signal.Address,
            GuestPhysical = _mmu.PhysicalOf(signal.Address),
            HostRip = signal.HostRip,
            HostInstruction = host,
            Place = place,
            Rip = rip,
            Instruction = guest,
            Listing = listing,
        };
        _cpu->Rip = rip;
        Leave();
    }

    /// <summary>Where the instruction that raised a signal lies, in the view that can be read.</summary>
    private static byte* InstructionOf(in SignalRecord signal, nint toExecutable)
    {
        // A trap is reported behind its instruction, INT3 or INT1.
        byte* at = (byte*)signal.HostRip - toExecutable;
        return signal.Number == HostSignal.SIGTRAP && at[-1] is 0xCC or 0xF1 ? at - 1 : at;
    }

    /// <summary>The block that ran, and where in it; where code that all blocks share was called, the block that called it.</summary>
    private TranslatedBlock* BlockOf(byte* at, out byte* inBlock)
    {
        inBlock = at;
        if (at < _translations.FirstBlock)
        {
            // The call has left its return address below the state.
            inBlock = Writable(((byte**)_cpu)[-1]) - 1;
        }

        TranslatedBlock* block = _translations.Containing(inBlock + _translations.ToExecutable);

        // A part of a block that was written for lockstep belongs to no block.
        return _check is not null ? _check.Block : block;
    }

    private byte* Writable(byte* executable) => executable - _translations.ToExecutable;

    private HostCodeLine InstructionAt(byte* at, byte* start, ulong rip)
    {
        int offset = (int)(at - start);
        return new HostDisassembler(_translations.Stubs).List(start, offset, offset + CodeFinder.MaxLength, offset + CodeFinder.MaxLength, new CodeMarks(start, rip, ulong.MaxValue))[0];
    }
}
