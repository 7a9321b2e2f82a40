namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Registers in the forms that QEMU, gdb and Rust print them in; the numbers are ours.</summary>
internal static class RegisterSamples
{
    /// <summary>QEMU, 16-bit code with the 32-bit layout: a processor just out of reset.</summary>
    public const string Qemu16 =
        """
        EAX=00000000 EBX=00000000 ECX=00000000 EDX=000306c3
        ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000
        EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
        ES =0000 00000000 0000ffff 00009300
        CS =f000 ffff0000 0000ffff 00009b00
        SS =0000 00000000 0000ffff 00009300
        DS =0000 00000000 0000ffff 00009300
        FS =0000 00000000 0000ffff 00009300
        GS =0000 00000000 0000ffff 00009300
        LDT=0000 00000000 0000ffff 00008200
        TR =0000 00000000 0000ffff 00008b00
        GDT=     00000000 0000ffff
        IDT=     00000000 0000ffff
        CR0=60000010 CR2=00000000 CR3=00000000 CR4=00000000
        DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 
        DR6=00000000ffff0ff0 DR7=0000000000000400
        EFER=0000000000000000
        Code=04 66 41 eb f1 66 83 c9 ff 66 89 c8 66 5b 66 5e 66 5f 66 c3 <ea> 5b e0 00 f0 30 36 2f 32 33 2f 39 39 00 fc 00 00 00 00 00 00 00 00 00
        """;

    /// <summary>QEMU, 32-bit protected mode.</summary>
    public const string Qemu32 =
        """
        EAX=00000023 EBX=00001000 ECX=00000000 EDX=00000600
        ESI=00000000 EDI=00001fc2 EBP=00000000 ESP=00007c00
        EIP=00001000 EFL=00010002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
        ES =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        CS =0008 00000000 ffffffff 00cf9b00 DPL=0 CS32 [-RA]
        SS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        DS =0010 00000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        FS =0000 00000000 00000000 00000000
        GS =0000 00000000 00000000 00000000
        LDT=0000 00000000 00000000 00008200 DPL=0 LDT
        TR =0000 00000000 0000ffff 00008b00 DPL=0 TSS32-busy
        GDT=     00007e00 0000001f
        IDT=     00000000 000003ff
        CR0=00000011 CR2=00000000 CR3=00000000 CR4=00000000
        DR0=00000000 DR1=00000000 DR2=00000000 DR3=00000000 
        DR6=ffff0ff0 DR7=00000400
        EFER=0000000000000000
        Code=90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 <8b> 03 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90
        FCW=037f FSW=0000 [ST=0] FTW=00 MXCSR=00001f80
        FPR0=0000000000000000 0000 FPR1=0000000000000000 0000
        XMM00=00000000000000000000000000000000 XMM01=00000000000000000000000000000000
        """;

    /// <summary>QEMU, 64-bit mode.</summary>
    public const string Qemu64 =
        """
        RAX=0000000000000000 RBX=ffffff80011f6000 RCX=0000000000000001 RDX=ffffff0000000438
        RSI=ffffff800116b000 RDI=00007ffffffff000 RBP=fffffe006000be90 RSP=fffffe006000be50
        R8 =0000800000000000 R9 =ffff800000000000 R10=00007f800116a000 R11=0000000000000000
        R12=ffffff80011d4800 R13=0000000000000010 R14=ffffff0000000478 R15=00000000000003c0
        RIP=ffffff800004ddf7 RFL=00000002 [-------] CPL=0 II=0 A20=1 SMM=0 HLT=0
        ES =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        CS =0008 0000000000000000 ffffffff 00af9b00 DPL=0 CS64 [-RA]
        SS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        DS =0010 0000000000000000 ffffffff 00cf9300 DPL=0 DS   [-WA]
        FS =0000 0000000000000000 00000000 00000000
        GS =0000 ffff88801f400000 00000000 00000000
        LDT=0000 0000000000000000 00000000 00000000
        TR =0040 fffffe0000003000 00000067 00008b00 DPL=0 TSS64-busy
        GDT=     fffffe0000001000 0000007f
        IDT=     fffffe0000000000 00000fff
        CR0=80050033 CR2=0000000000000000 CR3=0000000000100000 CR4=000006b0
        DR0=0000000000000000 DR1=0000000000000000 DR2=0000000000000000 DR3=0000000000000000 
        DR6=00000000ffff0ff0 DR7=0000000000000400
        EFER=0000000000000d01
        Code=00 00 48 89 e5 41 57 41 56 41 55 41 54 53 48 83 ec 18 48 89 <0f> 29 07 c3 66 2e 0f 1f 84 00 00 00 00 00 55 48 89 e5 5d c3 66 90 55 48
        """;

    /// <summary>struct kvm_sregs of the processor of <see cref="Qemu64"/>, as "print sregs" of gdb shows it: one line.</summary>
    public static string Gdb { get; } =
        "(gdb) print sregs\n$1 = {" +
        Segment("cs", "base = 0, limit = 4294967295, selector = 8, type = 11 '\\v', present = 1 '\\001', dpl = 0 '\\000', db = 0 '\\000', s = 1 '\\001', l = 1 '\\001', g = 1 '\\001'", 0) +
        Segment("ds", Data, 0) + Segment("es", Data, 0) + Segment("fs", Unused("0"), 1) + Segment("gs", Unused("18446612682594320384"), 1) + Segment("ss", Data, 0) +
        Segment("tr", "base = 18446741874686308352, limit = 103, selector = 64, type = 11 '\\v', present = 1 '\\001', dpl = 0 '\\000', db = 0 '\\000', s = 0 '\\000', l = 0 '\\000', g = 0 '\\000'", 0) +
        Segment("ldt", Unused("0"), 1) +
        "gdt = {base = 18446741874686300160, limit = 127, padding = {0, 0, 0}}, idt = {base = 18446741874686296064, limit = 4095, padding = {0, 0, 0}}, " +
        "cr0 = 2147811379, cr2 = 0, cr3 = 1048576, cr4 = 1712, cr8 = 0, efer = 3329, apic_base = 4276094976, interrupt_bitmap = {0, 0, 0, 0}}\n";

    /// <summary>The same, as gdb prints it with "set print pretty" and /x, and struct kvm_regs.</summary>
    public static string GdbPretty { get; } = Pretty(Gdb) +
        """

        (gdb) p/x regs
        $3 = {
          rax = 0x0,
          rbx = 0xffffff80011f6000,
          rcx = 0x1,
          rdx = 0xffffff0000000438,
          rsi = 0xffffff800116b000,
          rdi = 0x7ffffffff000,
          rsp = 0xfffffe006000be50,
          rbp = 0xfffffe006000be90,
          r8 = 0x800000000000,
          r9 = 0xffff800000000000,
          r10 = 0x7f800116a000,
          r11 = 0x0,
          r12 = 0xffffff80011d4800,
          r13 = 0x10,
          r14 = 0xffffff0000000478,
          r15 = 0x3c0,
          rip = 0xffffff800004ddf7,
          rflags = 0x2
        }
        """;

    /// <summary>The same as Rust's Debug prints the structure of the kvm-bindings crate.</summary>
    public static string Rust { get; } = "sregs = kvm_sregs { " + System.Text.RegularExpressions.Regex
        .Replace(System.Text.RegularExpressions.Regex.Replace(Gdb[Gdb.IndexOf("cs =", StringComparison.Ordinal)..], @" '[^']*'", ""), @"(\w+) = \{base", "$1: kvm_segment { base")
        .Replace(" = {0, 0, 0}", ": [0, 0, 0]", StringComparison.Ordinal).Replace(" = {0, 0, 0, 0}", ": [0, 0, 0, 0]", StringComparison.Ordinal)
        .Replace("type =", "type_:", StringComparison.Ordinal).Replace(" =", ":", StringComparison.Ordinal);

    private const string Data =
        "base = 0, limit = 4294967295, selector = 16, type = 3 '\\003', present = 1 '\\001', dpl = 0 '\\000', db = 1 '\\001', s = 1 '\\001', l = 0 '\\000', g = 1 '\\001'";

    private static string Unused(string address) =>
        $"base = {address}, limit = 0, selector = 0, type = 0 '\\000', present = 0 '\\000', dpl = 0 '\\000', db = 0 '\\000', s = 0 '\\000', l = 0 '\\000', g = 0 '\\000'";

    private static string Segment(string name, string members, int unusable) =>
        $"{name} = {{{members}, avl = 0 '\\000', unusable = {unusable} '\\00{unusable}', padding = 0 '\\000'}}, ";

    // One member a line, numbers in hexadecimal, no characters: what /x makes of them.
    private static string Pretty(string print)
    {
        string text = System.Text.RegularExpressions.Regex.Replace(print, @" '[^']*'", "");
        text = System.Text.RegularExpressions.Regex.Replace(
            text, @"(?<== |\{|, )\d+(?=[,}])", match => $"0x{ulong.Parse(match.Value, System.Globalization.CultureInfo.InvariantCulture):x}");
        return text.Replace("{", "{\n  ", StringComparison.Ordinal).Replace(", ", ",\n  ", StringComparison.Ordinal).Replace("}", "\n}", StringComparison.Ordinal);
    }
}
