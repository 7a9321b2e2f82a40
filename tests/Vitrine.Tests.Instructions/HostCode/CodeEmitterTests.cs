using System.Reflection;
using Iced.Intel;
using Vitrine.Accelerators.Software.HostCode;
using Xunit;
using static Vitrine.Tests.Software.HostCode.InstructionText;
using Code = Vitrine.Accelerators.Software.HostCode.CodeEmitter;

namespace Vitrine.Tests.Software.HostCode;

/// <summary>
/// Every method of the emitter, with a matrix of registers, addresses, constants and sizes: Iced's decoder has to read what was said.
/// </summary>
public sealed unsafe class CodeEmitterTests
{
    // SAFETY: an instruction has at most 15 bytes.
    private const int Bytes = 64;

    private static readonly OperandSize[] s_all = [OperandSize.Byte, OperandSize.Word, OperandSize.Dword, OperandSize.Qword];
    private static readonly OperandSize[] s_wide = [OperandSize.Dword, OperandSize.Qword];
    private static readonly OperandSize[] s_qword = [OperandSize.Qword];
    private static readonly int[] s_values = [0, 1, -1, 127, -128, 128, -129, int.MaxValue, int.MinValue];

    private static readonly HostRegister[] s_bytes = [HostRegister.Rax, HostRegister.Rcx, HostRegister.Rdx, HostRegister.Rbx];

    private delegate void Call(ref Code asm, in Arguments a);

    /// <summary>What a call is made with. Registers that a method takes are First and Second, in this order.</summary>
    private readonly record struct Arguments(
        HostRegister First, HostRegister Second, HostOperand Memory, int Value, OperandSize Size, Condition Condition)
    {
        public string A => Name(First, Size);

        public string B => Name(Second, Size);

        public string M => Name(Memory, 1 << (int)Size);
    }

    /// <summary>
    /// An emitter's method: its parameters, the sizes that it takes, and what a disassembler has to make of its instruction.
    /// </summary>
    /// <param name="Signature">
    /// Name and parameters: R a register, M memory, I a number, C a condition. Sizes and switches don't count.
    /// </param>
    /// <param name="Sizes">The sizes.</param>
    /// <param name="Emit">Calls it.</param>
    /// <param name="Text">The instruction, as <see cref="InstructionText"/> writes it.</param>
    private sealed record Row(string Signature, OperandSize[] Sizes, Call Emit, Func<Arguments, string> Text);

    private static readonly Row[] s_rows =
    [
        new("Mov R R", s_all, (ref asm, in a) => asm.Mov(a.First, a.Second, a.Size), a => $"mov {a.A}, {a.B}"),
        new("Mov R M", s_all, (ref asm, in a) => asm.Mov(a.First, a.Memory, a.Size), a => $"mov {a.A}, {a.M}"),
        new("Mov M R", s_all, (ref asm, in a) => asm.Mov(a.Memory, a.First, a.Size), a => $"mov {a.M}, {a.A}"),
        new("Mov M I", s_wide, (ref asm, in a) => asm.Mov(a.Memory, a.Value, a.Size), a => $"mov {a.M}, {a.Value}"),
        new("Mov R I", [OperandSize.Dword], (ref asm, in a) => asm.Mov(a.First, (uint)a.Value), a => $"mov {a.A}, {a.Value}"),
        new("Movabs R I", s_qword, (ref asm, in a) => asm.Movabs(a.First, ((ulong)a.Value << 32) | 7),
            a => $"mov {a.A}, {((long)a.Value << 32) | 7}"),
        new("Movzx R M", s_all[..2], (ref asm, in a) => asm.Movzx(a.First, a.Memory, a.Size),
            a => $"movzx {Name(a.First, OperandSize.Dword)}, {a.M}"),
        new("Lea R M", s_wide, (ref asm, in a) => asm.Lea(a.First, a.Memory, a.Size), a => $"lea {a.A}, {Name(a.Memory, 0)}"),
        new("Cmov C R R", s_wide, (ref asm, in a) => asm.Cmov(a.Condition, a.First, a.Second, a.Size),
            a => $"cmov{Name(a.Condition)} {a.A}, {a.B}"),
        new("Xchg R R", s_qword, (ref asm, in a) => asm.Xchg(a.First, a.Second), a => $"xchg {a.B}, {a.A}"),
        new("Push R", s_qword, (ref asm, in a) => asm.Push(a.First), a => $"push {a.A}"),
        new("Push M", s_qword, (ref asm, in a) => asm.Push(a.Memory), a => $"push {a.M}"),
        new("Pop R", s_qword, (ref asm, in a) => asm.Pop(a.First), a => $"pop {a.A}"),
        new("Pop M", s_qword, (ref asm, in a) => asm.Pop(a.Memory), a => $"pop {a.M}"),

        new("Add R R", s_all, (ref asm, in a) => asm.Add(a.First, a.Second, a.Size), a => $"add {a.A}, {a.B}"),
        new("Add R M", s_all, (ref asm, in a) => asm.Add(a.First, a.Memory, a.Size), a => $"add {a.A}, {a.M}"),
        new("Add R I", [OperandSize.Byte], (ref asm, in a) => asm.Add(a.First, a.Value, a.Size), a => $"add {a.A}, {(sbyte)a.Value}"),
        new("Or R R", s_all, (ref asm, in a) => asm.Or(a.First, a.Second, a.Size), a => $"or {a.A}, {a.B}"),
        new("Or R M", s_all, (ref asm, in a) => asm.Or(a.First, a.Memory, a.Size), a => $"or {a.A}, {a.M}"),
        new("Or M R", s_all, (ref asm, in a) => asm.Or(a.Memory, a.First, a.Size), a => $"or {a.M}, {a.A}"),
        new("Or R I", s_wide, (ref asm, in a) => asm.Or(a.First, a.Value, a.Size), a => $"or {a.A}, {a.Value}"),
        new("Or M I", s_wide, (ref asm, in a) => asm.Or(a.Memory, a.Value, a.Size), a => $"or {a.M}, {a.Value}"),
        new("And R M", s_all, (ref asm, in a) => asm.And(a.First, a.Memory, a.Size), a => $"and {a.A}, {a.M}"),
        new("And R I", s_wide, (ref asm, in a) => asm.And(a.First, a.Value, a.Size), a => $"and {a.A}, {a.Value}"),
        new("And M I", s_wide, (ref asm, in a) => asm.And(a.Memory, a.Value, a.Size), a => $"and {a.M}, {a.Value}"),
        new("Sub R R", s_all, (ref asm, in a) => asm.Sub(a.First, a.Second, a.Size), a => $"sub {a.A}, {a.B}"),
        new("Sub R M", s_all, (ref asm, in a) => asm.Sub(a.First, a.Memory, a.Size), a => $"sub {a.A}, {a.M}"),
        new("Xor R R", s_all, (ref asm, in a) => asm.Xor(a.First, a.Second, a.Size), a => $"xor {a.A}, {a.B}"),
        new("Xor R M", s_all, (ref asm, in a) => asm.Xor(a.First, a.Memory, a.Size), a => $"xor {a.A}, {a.M}"),
        new("Cmp R R", s_all, (ref asm, in a) => asm.Cmp(a.First, a.Second, a.Size), a => $"cmp {a.A}, {a.B}"),
        new("Cmp R M", s_all, (ref asm, in a) => asm.Cmp(a.First, a.Memory, a.Size), a => $"cmp {a.A}, {a.M}"),
        new("Cmp R I", s_wide, (ref asm, in a) => asm.Cmp(a.First, a.Value, a.Size), a => $"cmp {a.A}, {a.Value}"),
        new("Cmp M I", s_wide, (ref asm, in a) => asm.Cmp(a.Memory, a.Value, a.Size), a => $"cmp {a.M}, {a.Value}"),
        new("Test R R", s_qword, (ref asm, in a) => asm.Test(a.First, a.Second), a => $"test {a.B}, {a.A}"),
        new("Test R I", [OperandSize.Dword], (ref asm, in a) => asm.Test(a.First, a.Value, a.Size), a => $"test {a.A}, {a.Value}"),
        new("Test R I", [OperandSize.Byte], (ref asm, in a) => asm.Test(a.First, a.Value, a.Size), a => $"test {a.A}, {(sbyte)a.Value}"),
        new("Test M I", [OperandSize.Byte], (ref asm, in a) => asm.Test(a.Memory, (byte)a.Value), a => $"test {a.M}, {(sbyte)a.Value}"),
        new("Inc R", s_all, (ref asm, in a) => asm.Inc(a.First, a.Size), a => $"inc {a.A}"),
        new("Inc M", s_all, (ref asm, in a) => asm.Inc(a.Memory, a.Size), a => $"inc {a.M}"),
        new("Dec R", s_all, (ref asm, in a) => asm.Dec(a.First, a.Size), a => $"dec {a.A}"),
        new("Dec M", s_all, (ref asm, in a) => asm.Dec(a.Memory, a.Size), a => $"dec {a.M}"),
        new("Neg R", s_qword, (ref asm, in a) => asm.Neg(a.First), a => $"neg {a.A}"),
        new("Div R", s_wide, (ref asm, in a) => asm.Div(a.First, a.Size), a => $"div {a.A}"),
        new("Idiv R", s_wide, (ref asm, in a) => asm.Idiv(a.First, a.Size), a => $"idiv {a.A}"),
        new("Shl R I", s_wide, (ref asm, in a) => asm.Shl(a.First, a.Value & 31, a.Size), a => $"shl {a.A}, {a.Value & 31}"),
        new("Shr R I", s_wide, (ref asm, in a) => asm.Shr(a.First, a.Value & 31, a.Size), a => $"shr {a.A}, {a.Value & 31}"),
        new("Sar R I", s_wide, (ref asm, in a) => asm.Sar(a.First, a.Value & 31, a.Size), a => $"sar {a.A}, {a.Value & 31}"),

        new("Lahf", s_qword, (ref asm, in a) => asm.Lahf(), a => "lahf"),
        new("Sahf", s_qword, (ref asm, in a) => asm.Sahf(), a => "sahf"),
        new("Pushfq", s_qword, (ref asm, in a) => asm.Pushfq(), a => "pushfq"),
        new("Popfq", s_qword, (ref asm, in a) => asm.Popfq(), a => "popfq"),
        new("Jmp R", s_qword, (ref asm, in a) => asm.Jmp(a.First), a => $"jmp {a.A}"),
        new("Jmp M", s_qword, (ref asm, in a) => asm.Jmp(a.Memory), a => $"jmp {a.M}"),
        new("Ret", s_qword, (ref asm, in a) => asm.Ret(), a => "ret"),
        new("Syscall", s_qword, (ref asm, in a) => asm.Syscall(), a => "syscall"),
        new("NopWithData I", s_qword, (ref asm, in a) => asm.NopWithData(a.Value), a => $"nop 4[rax{a.Value:+0;-0}]"),
        new("Movs", s_all, (ref asm, in a) => asm.Movs(a.Size, repeats: false), a => $"movs{Suffix(a.Size)} rdi, rsi"),
        new("Movs", s_all, (ref asm, in a) => asm.Movs(a.Size, repeats: true), a => $"rep movs{Suffix(a.Size)} rdi, rsi"),
        new("Stos", s_all, (ref asm, in a) => asm.Stos(a.Size, repeats: false),
            a => $"stos{Suffix(a.Size)} rdi, {Name(HostRegister.Rax, a.Size)}"),
        new("Stos", s_all, (ref asm, in a) => asm.Stos(a.Size, repeats: true),
            a => $"rep stos{Suffix(a.Size)} rdi, {Name(HostRegister.Rax, a.Size)}"),

        new("Movups I M", s_qword, (ref asm, in a) => asm.Movups((int)a.First, a.Memory),
            a => $"movups xmm{(int)a.First}, {Name(a.Memory, 16)}"),
        new("Movups M I", s_qword, (ref asm, in a) => asm.Movups(a.Memory, (int)a.First),
            a => $"movups {Name(a.Memory, 16)}, xmm{(int)a.First}"),
        new("Vmovdqu I M", s_qword, (ref asm, in a) => asm.Vmovdqu((int)a.First, a.Memory),
            a => $"vmovdqu ymm{(int)a.First}, {Name(a.Memory, 32)}"),
        new("Vmovdqu M I", s_qword, (ref asm, in a) => asm.Vmovdqu(a.Memory, (int)a.First),
            a => $"vmovdqu {Name(a.Memory, 32)}, ymm{(int)a.First}"),
        new("Vzeroupper", s_qword, (ref asm, in a) => asm.Vzeroupper(), a => "vzeroupper"),
        new("Xgetbv", s_qword, (ref asm, in a) => asm.Xgetbv(), a => "xgetbv"),
        new("Ldmxcsr M", s_qword, (ref asm, in a) => asm.Ldmxcsr(a.Memory), a => $"ldmxcsr {Name(a.Memory, 4)}"),
        new("Stmxcsr M", s_qword, (ref asm, in a) => asm.Stmxcsr(a.Memory), a => $"stmxcsr {Name(a.Memory, 4)}"),
        new("Xsave64 M", s_qword, (ref asm, in a) => asm.Xsave64(a.Memory), a => $"xsave64 {Name(a.Memory, 0)}"),
        new("Xrstor64 M", s_qword, (ref asm, in a) => asm.Xrstor64(a.Memory), a => $"xrstor64 {Name(a.Memory, 0)}"),
        new("Fldcw M", s_qword, (ref asm, in a) => asm.Fldcw(a.Memory), a => $"fldcw {Name(a.Memory, 2)}"),
        new("Fninit", s_qword, (ref asm, in a) => asm.Fninit(), a => "fninit"),
    ];

    // Methods that take one of the first four registers only, or a place in the code: tests of their own.
    private static readonly string[] s_others =
        ["Set C R", "XchgBytes R", "Jcc C L", "Jcc C T", "Jmp L", "Jmp T", "Call T", "Bind L", "Align I"];

    // Raw bytes, for encodings that are made elsewhere.
    private static readonly string[] s_raw = ["Byte I", "Word I", "Dword I", "Bytes T I", "ModRm I M"];

    public static TheoryData<string> Signatures => [.. s_rows.Select(row => row.Signature).Distinct()];

    [Theory]
    [MemberData(nameof(Signatures))]
    public void ADecoderReadsWhatTheCallSaid(string signature)
    {
        foreach (Row row in s_rows.Where(row => row.Signature == signature))
        {
            IEnumerable<Arguments> matrix = row.Sizes.SelectMany(size => Matrix(signature, size));
            foreach (Arguments arguments in matrix) Check(row.Emit, arguments, row.Text(arguments));
        }
    }

    [Fact]
    public void BytesOfTheFirstFourRegistersAreSetAndExchanged()
    {
        foreach (HostRegister register in s_bytes)
        {
            string low = Name(register, OperandSize.Byte);
            Check((ref asm, in a) => asm.XchgBytes(a.First), new Arguments { First = register }, $"xchg {low[0]}h, {low}");
            foreach (Condition condition in Enum.GetValues<Condition>())
            {
                Arguments arguments = new() { First = register, Condition = condition };
                Check((ref asm, in a) => asm.Set(a.Condition, a.First), arguments, $"set{Name(condition)} {low}");
            }
        }
    }

    [Fact]
    public void NoMethodIsLeftOut()
    {
        IEnumerable<string> methods = typeof(CodeEmitter)
            .GetMethods(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Where(method => !method.IsSpecialName).Select(SignatureOf);
        Assert.Equal(methods.Order(), s_rows.Select(row => row.Signature).Distinct().Concat(s_others).Concat(s_raw).Order());
    }

    private static string SignatureOf(MethodInfo method)
    {
        IEnumerable<string> parameters = method.GetParameters().Select(parameter => parameter.ParameterType)
            .Where(type => type != typeof(OperandSize) && type != typeof(bool))
            .Select(type => type == typeof(HostRegister) ? "R"
                : type == typeof(Condition) ? "C"
                : type == typeof(byte*) ? "T"
                : type == typeof(CodeLabel).MakeByRefType() ? "L"
                : type == typeof(HostOperand).MakeByRefType() ? "M"
                : "I");
        return string.Join(' ', parameters.Prepend(method.Name));
    }

    /// <summary>All pairs of registers, all values with all registers, or all addresses, with a register and a value that change.</summary>
    private static IEnumerable<Arguments> Matrix(string signature, OperandSize size)
    {
        int number = 0;
        if (signature.Split(' ').Contains("M")) return Addresses().Select(memory => Next((HostRegister)(number % 16), memory: memory));
        HostRegister[] registers = [.. Enumerable.Range(0, 16).Select(number => (HostRegister)number)];
        return signature.EndsWith("R R", StringComparison.Ordinal)
            ? registers.SelectMany(first => registers.Select(second => Next(first, second)))
            : registers.SelectMany(first => s_values.Select(value => Next(first, value: value)));

        Arguments Next(HostRegister first, HostRegister second = default, HostOperand memory = default, int? value = null) => new(
            first, second, memory, value ?? s_values[number++ % s_values.Length], size, (Condition)(number++ % 16));
    }

    private static IEnumerable<HostOperand> Addresses()
    {
        HostRegister[] registers = [HostRegister.None, .. Enumerable.Range(0, 16).Select(number => (HostRegister)number)];
        return
            from @base in registers
            from index in registers.Where(register => register != HostRegister.Rsp)
            from scale in Enumerable.Range(0, index == HostRegister.None ? 1 : 4)
            from displacement in s_values
            select new HostOperand(@base, index, scale, displacement);
    }

    private static void Check(Call emit, in Arguments arguments, string expected)
    {
        byte* bytes = stackalloc byte[Bytes];
        Code asm = new(bytes);
        emit(ref asm, arguments);
        int length = (int)(asm.Position - bytes);
        Decoder decoder = Decoder.Create(64, new Span<byte>(bytes, length).ToArray());
        decoder.Decode(out Instruction instruction);
        string actual = Of(in instruction);
        if (expected != actual || instruction.Length != length)
        {
            string written = Convert.ToHexString(new ReadOnlySpan<byte>(bytes, length));
            Assert.Fail($"{expected} was written as {written}, which is {actual} of {instruction.Length} bytes.");
        }
    }
}
