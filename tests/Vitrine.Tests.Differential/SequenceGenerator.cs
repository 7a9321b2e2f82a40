using Iced.Intel;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Random sequences of instructions with branches among them: flags written before an access to memory and read behind it, flags that only some
/// instructions write, runs of pushes and pops, calls and returns, loops whose second round finds everything in its place. Nothing in them depends on
/// what the manual leaves undefined.
/// </summary>
internal sealed class SequenceGenerator(CaseRandom random, CodeSelection selection)
{
    /// <summary>Bytes of the longest sequence.</summary>
    public const int MaxBytes = OracleCase.CodeCapacity - 8;

    private const int MaxRounds = 5;
    private const int NoTarget = -1;
    private static readonly Dictionary<CodeSelection, (SequenceCodes Codes64, SequenceCodes Codes32)> _codesOf = [];

    private readonly PointerSet _pointers = new(random);
    private readonly InstructionInfoFactory _information = new();
    private readonly List<Item> _items = [];
    private readonly List<Instruction> _instructions = [];
    private OperandFactory _operands = null!;
    private SequenceCodes _codes = null!;
    private MachineImage _unused;
    private bool _is64;
    private bool _strings;
    private bool _returns;
    private bool _loops;

    /// <summary>Makes a sequence, and sets registers as it needs them. <see cref="TryEncode"/> writes it.</summary>
    public bool TryCreate(ref MachineImage image, bool is64)
    {
        _is64 = is64;
        _codes = CodesFor(is64);
        _strings = random.OneIn(10);
        _pointers.Choose(ref image, is64, _strings);

        // Where returns are, the stack pointer must lead to what was pushed for them.
        _returns = random.OneIn(2);
        if (_returns) _pointers.Hold(Gpr.Rsp);
        if (_strings) image.SetGeneral(Gpr.Rcx, (ulong)random.Below(40));
        _operands = new OperandFactory(random) { Pointers = _pointers };
        _items.Clear();
        int count = 2 + random.Below(10);
        int loop = random.OneIn(4) && BeginLoop(out int counter) ? counter : NoTarget;
        _loops = loop != NoTarget;
        int tries = 0;
        while (_items.Count < count && tries++ < 100) Add();
        if (loop != NoTarget) EndLoop(loop);
        return _items.Count > 1;
    }

    /// <summary>Writes the sequence for an address.</summary>
    /// <returns>False when it is too long, or depends on what isn't defined.</returns>
    public bool TryEncode(MemoryStream stream, ulong rip)
    {
        stream.SetLength(0);
        Span<ulong> addresses = stackalloc ulong[_items.Count + 1];
        for (int pass = 0; pass < 2; pass++)
        {
            stream.SetLength(0);
            _instructions.Clear();
            Encoder encoder = Encoder.Create(_is64 ? 64 : 32, new StreamCodeWriter(stream));
            for (int i = 0; i < _items.Count; i++)
            {
                ulong at = rip + (ulong)stream.Length;
                addresses[i] = at;
                ulong target = pass == 0 ? at : addresses[PlaceOf(_items[i].Target)];
                Instruction instruction = _items[i].At(target, _is64);
                if (!encoder.TryEncode(instruction, at, out uint length, out _) || stream.Length > MaxBytes) return false;
                instruction.Length = (int)length;
                instruction.IP = at;
                _instructions.Add(instruction);
            }

            addresses[_items.Count] = rip + (ulong)stream.Length;
        }

        return !FlagFlow.ReadsUndefined(_instructions) && !DiffersByVendor(stream.GetBuffer().AsSpan(0, (int)stream.Length), rip);
    }

    /// <summary>Where a branch to an item leads: not between the loading of an address and its use, where the register may hold another place.</summary>
    private int PlaceOf(int target)
    {
        int place = Math.Max(target, 0);
        while (place < _items.Count && _items[place].IsInner) place++;
        return Math.Min(place, _items.Count);
    }

    private SequenceCodes CodesFor(bool is64)
    {
        lock (_codesOf)
        {
            if (!_codesOf.TryGetValue(selection, out (SequenceCodes Codes64, SequenceCodes Codes32) codes)) _codesOf.Add(selection, codes = SequenceCodes.For(selection));
            return is64 ? codes.Codes64 : codes.Codes32;
        }
    }

    private bool DiffersByVendor(ReadOnlySpan<byte> bytes, ulong rip)
    {
        foreach (Instruction instruction in _instructions)
        {
            if (VendorDifferences.Applies(instruction, bytes[(int)(instruction.IP - rip)..(int)(instruction.NextIP - rip)], _is64)) return true;
        }

        return false;
    }

    private void Add()
    {
        switch (random.Below(_strings ? 22 : 20))
        {
            case < 5:
                Plain(_codes.Integer);
                break;
            case < 8:
                Plain(_codes.FlagReaders);
                break;
            case < 10:
                Plain(_codes.Partial);
                break;
            case 10:
                Plain(_codes.Stack);
                break;
            case 11:
                for (int i = 2 + random.Below(4); i > 0; i--) Plain(_codes.Stack);
                break;
            case 12:
                Plain(_codes.Vectors);
                break;
            case 13:
                Plain(_codes.X87);
                break;
            case 14:
                Plain(_codes.All);
                break;
            case < 17:
                Code branch = random.Pick<Code>(_codes.Branches);

                // LOOP and its like would make the count of a loop never come to zero.
                if (!_loops || branch.IsJccShortOrNear()) Branch(branch, 2 + random.Below(3));
                break;
            case 17:
                Flags();
                break;
            case 18:
                Indirect();
                break;
            case 19:
                if (_returns) CallAndReturn();
                break;
            default:
                Plain(_codes.Strings);
                break;
        }
    }

    private void Plain(Code[] codes)
    {
        if (codes.Length == 0 || !_operands.TryCreate(codes[random.Below(codes.Length)], _is64 ? 64 : 32, ref _unused, out Instruction instruction)) return;
        if (instruction.IsPrivileged && !random.OneIn(8)) return;
        if (instruction.Op0Kind != OpKind.Memory) instruction.HasLockPrefix = false;
        foreach (UsedRegister used in _information.GetInfo(instruction).GetUsedRegisters())
        {
            if (used.Access is OpAccess.Read or OpAccess.CondRead or OpAccess.None or OpAccess.NoMemAccess || !used.Register.IsGPR()) continue;
            int number = used.Register.GetFullRegister() - Register.RAX;
            if (!_pointers.IsHeld(number)) continue;
            bool moves = (number == Gpr.Rsp && MovesStack(instruction)) || (_strings && number is Gpr.Rsi or Gpr.Rdi && _codes.Strings.Contains(instruction.Code));
            if (!moves) return;
        }

        _items.Add(new Item(instruction, NoTarget));
    }

    private bool MovesStack(in Instruction instruction) => instruction.IsStackInstruction
        && !(_returns && (instruction.Mnemonic is Mnemonic.Leave or Mnemonic.Enter || (instruction.Mnemonic == Mnemonic.Pop && instruction.Op0Register.GetFullRegister() == Register.RSP)));

    private void Branch(Code code, int distance)
    {
        Instruction instruction = default;
        instruction.Code = code;
        instruction.Op0Kind = _is64 ? OpKind.NearBranch64 : OpKind.NearBranch32;
        _items.Add(new Item(instruction, _items.Count + distance));
    }

    /// <summary>The arithmetic flags out of RFLAGS and into it again, with some of them changed. The others stay: TF would end the sequence.</summary>
    private void Flags()
    {
        _items.Add(new Item(Instruction.Create(_is64 ? Code.Pushfq : Code.Pushfd), NoTarget));
        Instruction change = Instruction.Create(
            Code.Xor_rm32_imm32, new MemoryOperand(_is64 ? Register.RSP : Register.ESP), (int)(random.Next() & FlagFlow.Arithmetic));
        if (random.OneIn(2)) _items.Add(new Item(change, NoTarget));
        _items.Add(new Item(Instruction.Create(_is64 ? Code.Popfq : Code.Popfd), NoTarget));
    }

    /// <summary>A jump or call through a register, through memory, or by RET: mostly to a place a little further on, sometimes to none.</summary>
    private void Indirect()
    {
        if (!TryFree(out int number)) return;
        Register register = (_is64 ? Register.RAX : Register.EAX) + number;
        bool real = !random.OneIn(6);
        int way = random.Below(_returns ? 4 : 2);
        int behind = _items.Count + (way == 3 ? 3 : 2) + random.Below(2);
        if (real) _items.Add(new Item(Instruction.Create(Code.Mov_r32_imm32, Register.EAX + number, 0), behind, IsAddress: true));
        else if (_is64) _items.Add(new Item(Instruction.Create(Code.Mov_r64_imm64, register, OracleLayout.Hole + (random.OneIn(2) ? random.Next() << 47 : 0)), NoTarget));
        else _items.Add(new Item(Instruction.Create(Code.Mov_r32_imm32, register, (uint)OracleLayout.Hole), NoTarget));
        switch (way)
        {
            case 0:
                _items.Add(new Item(Instruction.Create(_is64 ? Code.Jmp_rm64 : Code.Jmp_rm32, register), NoTarget, IsInner: true));
                break;
            case 1:
                _items.Add(new Item(Instruction.Create(_is64 ? Code.Call_rm64 : Code.Call_rm32, register), NoTarget, IsInner: true));
                break;
            case 2:
                _items.Add(new Item(Instruction.Create(_is64 ? Code.Push_r64 : Code.Push_r32, register), NoTarget, IsInner: true));
                _items.Add(new Item(Instruction.Create(_is64 ? Code.Retnq : Code.Retnd), NoTarget, IsInner: true));
                break;
            default:
                Instruction store = default;
                store.Code = _is64 ? Code.Mov_rm64_r64 : Code.Mov_rm32_r32;
                store.Op0Kind = OpKind.Memory;
                store.Op1Kind = OpKind.Register;
                store.Op1Register = register;
                _pointers.Form(ref store, OracleLayout.Data + 0x300 + (ulong)random.Below(0x1000), _is64);
                Instruction jump = store;
                jump.Code = random.OneIn(2) ? _is64 ? Code.Jmp_rm64 : Code.Jmp_rm32 : _is64 ? Code.Call_rm64 : Code.Call_rm32;
                _items.Add(new Item(store, NoTarget, IsInner: true));
                _items.Add(new Item(jump, NoTarget, IsInner: true));
                break;
        }
    }

    /// <summary>A call of the instructions behind the next ones, which return to these.</summary>
    private void CallAndReturn()
    {
        int first = _items.Count;
        _items.Add(default);
        Plain(_codes.Integer);
        int jump = _items.Count;
        _items.Add(default);
        int function = _items.Count;
        Plain(_codes.Integer);
        if (random.OneIn(4)) Plain(_codes.FlagReaders);
        _items.Add(new Item(Instruction.Create(_is64 ? Code.Retnq : Code.Retnd), NoTarget));
        _items[first] = new Item(Near(_is64 ? Code.Call_rel32_64 : Code.Call_rel32_32), function);
        _items[jump] = new Item(Near(_is64 ? Code.Jmp_rel8_64 : Code.Jmp_rel8_32), _items.Count);
    }

    private Instruction Near(Code code) => new() { Code = code, Op0Kind = _is64 ? OpKind.NearBranch64 : OpKind.NearBranch32 };

    private bool BeginLoop(out int counter)
    {
        if (!TryFree(out counter)) return false;
        _pointers.Hold(counter);
        _items.Add(new Item(Instruction.Create(Code.Mov_r32_imm32, Register.EAX + counter, 2 + random.Below(MaxRounds - 1)), NoTarget));
        return true;
    }

    private void EndLoop(int counter)
    {
        // Whatever jumps within the loop comes by here, or leaves it.
        for (int i = 0; i < _items.Count; i++)
        {
            if (_items[i].Target > _items.Count) _items[i] = _items[i] with { Target = random.OneIn(2) ? _items.Count : int.MaxValue };
        }

        Register register = Register.EAX + counter;
        bool byCounter = counter == Gpr.Rcx && random.OneIn(2);
        if (byCounter)
        {
            _items.Add(new Item(Near(_is64 ? Code.Loop_rel8_64_RCX : Code.Loop_rel8_32_ECX), 1));
            return;
        }

        _items.Add(new Item(random.OneIn(2)
            ? Instruction.Create(Code.Dec_rm32, register)
            : Instruction.Create(Code.Sub_rm32_imm8, register, 1), NoTarget));
        if (random.OneIn(3)) Plain([Code.Mov_rm32_r32, Code.Mov_r32_rm32]);
        _items.Add(new Item(Near(_is64 ? Code.Jne_rel8_64 : Code.Jne_rel8_32), 1));
    }

    private bool TryFree(out int number)
    {
        number = random.Below(_is64 ? 16 : 8);
        return number != Gpr.Rsp && !_pointers.IsHeld(number);
    }

    /// <summary>An instruction, and the place in the sequence that it leads to or whose address it loads.</summary>
    private readonly record struct Item(Instruction Instruction, int Target, bool IsAddress = false, bool IsInner = false)
    {
        public Instruction At(ulong target, bool is64)
        {
            Instruction instruction = Instruction;
            if (Target == NoTarget) return instruction;
            if (IsAddress) instruction.Immediate32 = (uint)target;
            else if (is64) instruction.NearBranch64 = target;
            else instruction.NearBranch32 = (uint)target;
            return instruction;
        }
    }
}
