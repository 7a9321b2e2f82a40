using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software.Blocks;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Software.Interpreter.Decode;

namespace Vitrine.Accelerators.Software.Translator.Analysis;

/// <summary>
/// Decodes the instructions of a block: up to the next unconditional branch, the first one that isn't translated, or the end of the page.
/// </summary>
internal sealed unsafe class BlockDecoder : IDisposable
{
    // SAFETY: guest code is read within its page; _crossing has MaxLength bytes.
    private readonly BlockContext _block;
    private readonly TranslationRules _rules;
    private readonly PageCodeReader _reader = new();
    private Decoder _decoder32;
    private Decoder _decoder64;

    private readonly PageCopy? _copy;
    private readonly PageCopy? _secondCopy;

    // The bytes of an instruction that lies in two pages.
    private readonly byte* _crossing = (byte*)NativeMemory.AllocZeroed(BlockContext.MaxLength + 1);

    /// <summary>Creates a decoder that fills a context.</summary>
    /// <param name="block">The context.</param>
    /// <param name="rules">Which instructions are translated.</param>
    /// <param name="copies">Memory is written by others: code is decoded from copies of its pages.</param>
    public BlockDecoder(BlockContext block, TranslationRules rules, bool copies)
    {
        _block = block;
        _rules = rules;
        if (copies) (_copy, _secondCopy) = (new PageCopy(), new PageCopy());
        Use(null);
    }

    /// <summary>How guest code is decoded.</summary>
    public DecoderOptions Options { get; private set; }

    /// <summary>The copy of the page that the last block was decoded from; null where memory itself is.</summary>
    public byte* Source { get; private set; }

    /// <summary>The same of the second page; null where there was none.</summary>
    public byte* SecondSource { get; private set; }

    /// <summary>Most instructions that a block gets.</summary>
    public int Limit { get; set; } = BlockContext.MaxInstructions;

    /// <summary>Sets the instructions that the guest's processor has besides those of the interpreter.</summary>
    /// <param name="native">Which they are; null for none.</param>
    [MemberNotNull(nameof(_decoder32), nameof(_decoder64))]
    public void Use(HostBinder? native)
    {
        _rules.Use(native);
        Options = BlockBuilder.OptionsFor(native);
        _decoder32 = Decoder.Create(32, _reader, Options);
        _decoder64 = Decoder.Create(64, _reader, Options);
    }

    /// <summary>Fills the context with the block at a host address.</summary>
    /// <param name="guest">Host address of its first byte.</param>
    /// <param name="secondPage">Host address of the page that its only instruction goes on in; null as a rule.</param>
    /// <param name="mode">64-bit or flat 32-bit code.</param>
    /// <returns>False when there is nothing to translate: not even the first instruction ends in the page.</returns>
    public bool TryDecode(byte* guest, byte* secondPage, ExecutionMode mode)
    {
        int start = (int)((ulong)guest & (BlockContext.PageSize - 1));
        bool isCrossing = secondPage != null;
        byte* code = guest;
        if (_copy is not null)
        {
            Source = _copy.Take(guest);
            SecondSource = isCrossing ? _secondCopy!.Take(secondPage) : null;
            code = Source + start;
            secondPage = SecondSource;
        }

        if (isCrossing) JoinPages(code, secondPage, BlockContext.PageSize - start);
        _block.Begin(guest, isCrossing ? _crossing : code, start, mode, isCrossing);
        Decode();
        return _block.Count != 0 || _block.EndsInterpreted;
    }

    /// <summary>A decoder at an offset in the block's page, whose instructions have IPs as those of the block.</summary>
    public Decoder At(int offset)
    {
        Decoder decoder = _block.Is64 ? _decoder64 : _decoder32;
        _reader.Start(_block.Source + offset, BlockContext.PageSize - offset);
        decoder.IP = (ulong)((long)offset - _block.Start);
        return decoder;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _copy?.Dispose();
        _secondCopy?.Dispose();
        NativeMemory.Free(_crossing);
    }

    private void JoinPages(byte* guest, byte* secondPage, int first)
    {
        for (int i = 0; i < BlockContext.MaxLength; i++) _crossing[i] = i < first ? guest[i] : secondPage[i - first];
    }

    private void Decode()
    {
        Decoder decoder = At(_block.Start);
        if (_block.IsCrossing) _reader.Start(_block.Source + _block.Start, BlockContext.MaxLength);
        int limit = _block.IsCrossing ? 1 : Limit;
        while (_block.Count < limit)
        {
            if (_block.Start + (int)decoder.IP == _block.StopOffset)
            {
                EndBeforeStop();
                return;
            }

            ref Instruction instruction = ref _block.Instructions[_block.Count];
            decoder.Decode(out instruction);
            if (decoder.LastError == DecoderError.NoMoreBytes)
            {
                // The page ends within it: it is a block of its own.
                bool endsPage = _block.Start + (int)instruction.IP < BlockContext.PageSize;
                if (_block.Count == 0 || !endsPage || !SetsInterrupts(in _block.Instructions[_block.Count - 1])) return;
                _block.EndsInterpreted = true;
                _block.Count--;
                return;
            }

            // The instruction that follows STI must not be another block's, before which somebody might look for interrupts.
            bool isLast = _block.IsCrossing || _block.Count == BlockContext.MaxInstructions - 1;
            if (!_rules.CanTranslate(in instruction) || (isLast && SetsInterrupts(in instruction)))
            {
                _block.EndsInterpreted = true;
                return;
            }

            _block.Count++;
            if (instruction.FlowControl is not (FlowControl.Next or FlowControl.ConditionalBranch)) return;
        }
    }

    // Who is left there looks whether it is the stop address. Before the instruction that follows STI nobody may look for interrupts.
    private void EndBeforeStop()
    {
        _block.EndsInterpreted = true;
        if (_block.Count > 0 && SetsInterrupts(in _block.Instructions[_block.Count - 1])) _block.Count--;
    }

    private static bool SetsInterrupts(in Instruction instruction) =>
        InstructionShapes.Of(instruction.Code).Kind == InstructionKind.SetInterrupts;
}
