namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>
/// struct kvm_sregs with the numbers of <see cref="RegisterSamples.Qemu64"/>, and struct kvm_regs, as gdb 13.1 prints them in its formats.
/// </summary>
internal static class GdbFormats
{
    /// <summary>print/d.</summary>
    public const string Signed =
        """
        $1 = {cs = {base = 0, limit = -1, selector = 8, type = 11, present = 1, dpl = 0, db = 0, s = 1, l = 1, g = 1, avl = 0,
        unusable = 0, padding = 0}, ds = {base = 0, limit = -1, selector = 16, type = 3, present = 1, dpl = 0, db = 1, s = 1, l
        = 0, g = 1, avl = 0, unusable = 0, padding = 0}, es = {base = 0, limit = -1, selector = 16, type = 3, present = 1, dpl =
        0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, fs = {base = 0, limit = 0, selector = 0, type = 0,
        present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, gs = {base = -131391115231232,
        limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding =
        0}, ss = {base = 0, limit = -1, selector = 16, type = 3, present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0,
        unusable = 0, padding = 0}, tr = {base = -2199023243264, limit = 103, selector = 64, type = 11, present = 1, dpl = 0, db
        = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 0, padding = 0}, ldt = {base = 0, limit = 0, selector = 0, type = 0,
        present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, gdt = {base = -2199023251456,
        limit = 127, padding = {0, 0, 0}}, idt = {base = -2199023255552, limit = 4095, padding = {0, 0, 0}}, cr0 = 2147811379,
        cr2 = 0, cr3 = 1048576, cr4 = 1712, cr8 = 0, efer = 3329, apic_base = 4276095232, interrupt_bitmap = {0, 0, 0, 0}}
        $2 = {rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp = -512, rbp = 0, r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 =
        0, r13 = 0, r14 = 0, r15 = 0, rip = 4096, rflags = 2}
        """;

    /// <summary>print/u.</summary>
    public const string Unsigned =
        """
        $1 = {cs = {base = 0, limit = 4294967295, selector = 8, type = 11, present = 1, dpl = 0, db = 0, s = 1, l = 1, g = 1,
        avl = 0, unusable = 0, padding = 0}, ds = {base = 0, limit = 4294967295, selector = 16, type = 3, present = 1, dpl = 0,
        db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, es = {base = 0, limit = 4294967295, selector = 16,
        type = 3, present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, fs = {base = 0, limit
        = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, gs
        = {base = 18446612682594320384, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0,
        avl = 0, unusable = 1, padding = 0}, ss = {base = 0, limit = 4294967295, selector = 16, type = 3, present = 1, dpl = 0,
        db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, tr = {base = 18446741874686308352, limit = 103,
        selector = 64, type = 11, present = 1, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 0, padding = 0}, ldt =
        {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1,
        padding = 0}, gdt = {base = 18446741874686300160, limit = 127, padding = {0, 0, 0}}, idt = {base = 18446741874686296064,
        limit = 4095, padding = {0, 0, 0}}, cr0 = 2147811379, cr2 = 0, cr3 = 1048576, cr4 = 1712, cr8 = 0, efer = 3329,
        apic_base = 4276095232, interrupt_bitmap = {0, 0, 0, 0}}
        $2 = {rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp = 18446744073709551104, rbp = 0, r8 = 0, r9 = 0, r10 =
        0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0, rip = 4096, rflags = 2}
        """;

    /// <summary>print/o.</summary>
    public const string Octal =
        """
        $1 = {cs = {base = 0, limit = 037777777777, selector = 010, type = 013, present = 01, dpl = 0, db = 0, s = 01, l = 01, g
        = 01, avl = 0, unusable = 0, padding = 0}, ds = {base = 0, limit = 037777777777, selector = 020, type = 03, present =
        01, dpl = 0, db = 01, s = 01, l = 0, g = 01, avl = 0, unusable = 0, padding = 0}, es = {base = 0, limit = 037777777777,
        selector = 020, type = 03, present = 01, dpl = 0, db = 01, s = 01, l = 0, g = 01, avl = 0, unusable = 0, padding = 0},
        fs = {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable
        = 01, padding = 0}, gs = {base = 01777774210003720000000, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db =
        0, s = 0, l = 0, g = 0, avl = 0, unusable = 01, padding = 0}, ss = {base = 0, limit = 037777777777, selector = 020, type
        = 03, present = 01, dpl = 0, db = 01, s = 01, l = 0, g = 01, avl = 0, unusable = 0, padding = 0}, tr = {base =
        01777777740000000030000, limit = 0147, selector = 0100, type = 013, present = 01, dpl = 0, db = 0, s = 0, l = 0, g = 0,
        avl = 0, unusable = 0, padding = 0}, ldt = {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s
        = 0, l = 0, g = 0, avl = 0, unusable = 01, padding = 0}, gdt = {base = 01777777740000000010000, limit = 0177, padding =
        {0, 0, 0}}, idt = {base = 01777777740000000000000, limit = 07777, padding = {0, 0, 0}}, cr0 = 020001200063, cr2 = 0, cr3
        = 04000000, cr4 = 03260, cr8 = 0, efer = 06401, apic_base = 037670004400, interrupt_bitmap = {0, 0, 0, 0}}
        $2 = {rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp = 01777777777777777777000, rbp = 0, r8 = 0, r9 = 0, r10
        = 0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0, rip = 010000, rflags = 02}
        """;

    /// <summary>print/t.</summary>
    public const string Binary =
        """
        $1 = {cs = {base = 0, limit = 11111111111111111111111111111111, selector = 1000, type = 1011, present = 1, dpl = 0, db =
        0, s = 1, l = 1, g = 1, avl = 0, unusable = 0, padding = 0}, ds = {base = 0, limit = 11111111111111111111111111111111,
        selector = 10000, type = 11, present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, es
        = {base = 0, limit = 11111111111111111111111111111111, selector = 10000, type = 11, present = 1, dpl = 0, db = 1, s = 1,
        l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, fs = {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl =
        0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, gs = {base =
        1111111111111111100010001000000000011111010000000000000000000000, limit = 0, selector = 0, type = 0, present = 0, dpl =
        0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, ss = {base = 0, limit =
        11111111111111111111111111111111, selector = 10000, type = 11, present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl =
        0, unusable = 0, padding = 0}, tr = {base = 1111111111111111111111100000000000000000000000000011000000000000, limit =
        1100111, selector = 1000000, type = 1011, present = 1, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 0,
        padding = 0}, ldt = {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl
        = 0, unusable = 1, padding = 0}, gdt = {base = 1111111111111111111111100000000000000000000000000001000000000000, limit =
        1111111, padding = {0, 0, 0}}, idt = {base = 1111111111111111111111100000000000000000000000000000000000000000, limit =
        111111111111, padding = {0, 0, 0}}, cr0 = 10000000000001010000000000110011, cr2 = 0, cr3 = 100000000000000000000, cr4 =
        11010110000, cr8 = 0, efer = 110100000001, apic_base = 11111110111000000000100100000000, interrupt_bitmap = {0, 0, 0,
        0}}
        $2 = {rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp =
        1111111111111111111111111111111111111111111111111111111000000000, rbp = 0, r8 = 0, r9 = 0, r10 = 0, r11 = 0, r12 = 0,
        r13 = 0, r14 = 0, r15 = 0, rip = 1000000000000, rflags = 10}
        """;

    /// <summary>print/z.</summary>
    public const string Padded =
        """
        $1 = {cs = {base = 0x0000000000000000, limit = 0xffffffff, selector = 0x0008, type = 0x0b, present = 0x01, dpl = 0x00,
        db = 0x00, s = 0x01, l = 0x01, g = 0x01, avl = 0x00, unusable = 0x00, padding = 0x00}, ds = {base = 0x0000000000000000,
        limit = 0xffffffff, selector = 0x0010, type = 0x03, present = 0x01, dpl = 0x00, db = 0x01, s = 0x01, l = 0x00, g = 0x01,
        avl = 0x00, unusable = 0x00, padding = 0x00}, es = {base = 0x0000000000000000, limit = 0xffffffff, selector = 0x0010,
        type = 0x03, present = 0x01, dpl = 0x00, db = 0x01, s = 0x01, l = 0x00, g = 0x01, avl = 0x00, unusable = 0x00, padding =
        0x00}, fs = {base = 0x0000000000000000, limit = 0x00000000, selector = 0x0000, type = 0x00, present = 0x00, dpl = 0x00,
        db = 0x00, s = 0x00, l = 0x00, g = 0x00, avl = 0x00, unusable = 0x01, padding = 0x00}, gs = {base = 0xffff88801f400000,
        limit = 0x00000000, selector = 0x0000, type = 0x00, present = 0x00, dpl = 0x00, db = 0x00, s = 0x00, l = 0x00, g = 0x00,
        avl = 0x00, unusable = 0x01, padding = 0x00}, ss = {base = 0x0000000000000000, limit = 0xffffffff, selector = 0x0010,
        type = 0x03, present = 0x01, dpl = 0x00, db = 0x01, s = 0x01, l = 0x00, g = 0x01, avl = 0x00, unusable = 0x00, padding =
        0x00}, tr = {base = 0xfffffe0000003000, limit = 0x00000067, selector = 0x0040, type = 0x0b, present = 0x01, dpl = 0x00,
        db = 0x00, s = 0x00, l = 0x00, g = 0x00, avl = 0x00, unusable = 0x00, padding = 0x00}, ldt = {base = 0x0000000000000000,
        limit = 0x00000000, selector = 0x0000, type = 0x00, present = 0x00, dpl = 0x00, db = 0x00, s = 0x00, l = 0x00, g = 0x00,
        avl = 0x00, unusable = 0x01, padding = 0x00}, gdt = {base = 0xfffffe0000001000, limit = 0x007f, padding = {0x0000,
        0x0000, 0x0000}}, idt = {base = 0xfffffe0000000000, limit = 0x0fff, padding = {0x0000, 0x0000, 0x0000}}, cr0 =
        0x0000000080050033, cr2 = 0x0000000000000000, cr3 = 0x0000000000100000, cr4 = 0x00000000000006b0, cr8 =
        0x0000000000000000, efer = 0x0000000000000d01, apic_base = 0x00000000fee00900, interrupt_bitmap = {0x0000000000000000,
        0x0000000000000000, 0x0000000000000000, 0x0000000000000000}}
        $2 = {rax = 0x0000000000000000, rbx = 0x0000000000000000, rcx = 0x0000000000000000, rdx = 0x0000000000000000, rsi =
        0x0000000000000000, rdi = 0x0000000000000000, rsp = 0xfffffffffffffe00, rbp = 0x0000000000000000, r8 =
        0x0000000000000000, r9 = 0x0000000000000000, r10 = 0x0000000000000000, r11 = 0x0000000000000000, r12 =
        0x0000000000000000, r13 = 0x0000000000000000, r14 = 0x0000000000000000, r15 = 0x0000000000000000, rip =
        0x0000000000001000, rflags = 0x0000000000000002}
        """;

    /// <summary>print/a.</summary>
    public const string Addresses =
        """
        $1 = {cs = {base = 0x0, limit = 0xffffffff, selector = 0x8, type = 0xb, present = 0x1, dpl = 0x0, db = 0x0, s = 0x1, l =
        0x1, g = 0x1, avl = 0x0, unusable = 0x0, padding = 0x0}, ds = {base = 0x0, limit = 0xffffffff, selector = 0x10, type =
        0x3, present = 0x1, dpl = 0x0, db = 0x1, s = 0x1, l = 0x0, g = 0x1, avl = 0x0, unusable = 0x0, padding = 0x0}, es =
        {base = 0x0, limit = 0xffffffff, selector = 0x10, type = 0x3, present = 0x1, dpl = 0x0, db = 0x1, s = 0x1, l = 0x0, g =
        0x1, avl = 0x0, unusable = 0x0, padding = 0x0}, fs = {base = 0x0, limit = 0x0, selector = 0x0, type = 0x0, present =
        0x0, dpl = 0x0, db = 0x0, s = 0x0, l = 0x0, g = 0x0, avl = 0x0, unusable = 0x1, padding = 0x0}, gs = {base =
        0xffff88801f400000, limit = 0x0, selector = 0x0, type = 0x0, present = 0x0, dpl = 0x0, db = 0x0, s = 0x0, l = 0x0, g =
        0x0, avl = 0x0, unusable = 0x1, padding = 0x0}, ss = {base = 0x0, limit = 0xffffffff, selector = 0x10, type = 0x3,
        present = 0x1, dpl = 0x0, db = 0x1, s = 0x1, l = 0x0, g = 0x1, avl = 0x0, unusable = 0x0, padding = 0x0}, tr = {base =
        0xfffffe0000003000, limit = 0x67, selector = 0x40, type = 0xb, present = 0x1, dpl = 0x0, db = 0x0, s = 0x0, l = 0x0, g =
        0x0, avl = 0x0, unusable = 0x0, padding = 0x0}, ldt = {base = 0x0, limit = 0x0, selector = 0x0, type = 0x0, present =
        0x0, dpl = 0x0, db = 0x0, s = 0x0, l = 0x0, g = 0x0, avl = 0x0, unusable = 0x1, padding = 0x0}, gdt = {base =
        0xfffffe0000001000, limit = 0x7f, padding = {0x0, 0x0, 0x0}}, idt = {base = 0xfffffe0000000000, limit = 0xfff, padding =
        {0x0, 0x0, 0x0}}, cr0 = 0x80050033, cr2 = 0x0, cr3 = 0x100000, cr4 = 0x6b0, cr8 = 0x0, efer = 0xd01, apic_base =
        0xfee00900, interrupt_bitmap = {0x0, 0x0, 0x0, 0x0}}
        $2 = {rax = 0x0, rbx = 0x0, rcx = 0x0, rdx = 0x0, rsi = 0x0, rdi = 0x0, rsp = 0xfffffffffffffe00, rbp = 0x0, r8 = 0x0,
        r9 = 0x0, r10 = 0x0, r11 = 0x0, r12 = 0x0, r13 = 0x0, r14 = 0x0, r15 = 0x0, rip = 0x1000, rflags = 0x2}
        """;

    /// <summary>print/c.</summary>
    public const string Characters =
        """
        $1 = {cs = {base = 0 '\000', limit = 255 '\377', selector = 8 '\b', type = 11 '\v', present = 1 '\001', dpl = 0 '\000',
        db = 0 '\000', s = 1 '\001', l = 1 '\001', g = 1 '\001', avl = 0 '\000', unusable = 0 '\000', padding = 0 '\000'}, ds =
        {base = 0 '\000', limit = 255 '\377', selector = 16 '\020', type = 3 '\003', present = 1 '\001', dpl = 0 '\000', db = 1
        '\001', s = 1 '\001', l = 0 '\000', g = 1 '\001', avl = 0 '\000', unusable = 0 '\000', padding = 0 '\000'}, es = {base =
        0 '\000', limit = 255 '\377', selector = 16 '\020', type = 3 '\003', present = 1 '\001', dpl = 0 '\000', db = 1 '\001',
        s = 1 '\001', l = 0 '\000', g = 1 '\001', avl = 0 '\000', unusable = 0 '\000', padding = 0 '\000'}, fs = {base = 0
        '\000', limit = 0 '\000', selector = 0 '\000', type = 0 '\000', present = 0 '\000', dpl = 0 '\000', db = 0 '\000', s = 0
        '\000', l = 0 '\000', g = 0 '\000', avl = 0 '\000', unusable = 1 '\001', padding = 0 '\000'}, gs = {base = 0 '\000',
        limit = 0 '\000', selector = 0 '\000', type = 0 '\000', present = 0 '\000', dpl = 0 '\000', db = 0 '\000', s = 0 '\000',
        l = 0 '\000', g = 0 '\000', avl = 0 '\000', unusable = 1 '\001', padding = 0 '\000'}, ss = {base = 0 '\000', limit = 255
        '\377', selector = 16 '\020', type = 3 '\003', present = 1 '\001', dpl = 0 '\000', db = 1 '\001', s = 1 '\001', l = 0
        '\000', g = 1 '\001', avl = 0 '\000', unusable = 0 '\000', padding = 0 '\000'}, tr = {base = 0 '\000', limit = 103 'g',
        selector = 64 '@', type = 11 '\v', present = 1 '\001', dpl = 0 '\000', db = 0 '\000', s = 0 '\000', l = 0 '\000', g = 0
        '\000', avl = 0 '\000', unusable = 0 '\000', padding = 0 '\000'}, ldt = {base = 0 '\000', limit = 0 '\000', selector = 0
        '\000', type = 0 '\000', present = 0 '\000', dpl = 0 '\000', db = 0 '\000', s = 0 '\000', l = 0 '\000', g = 0 '\000',
        avl = 0 '\000', unusable = 1 '\001', padding = 0 '\000'}, gdt = {base = 0 '\000', limit = 127 '\177', padding = {0
        '\000', 0 '\000', 0 '\000'}}, idt = {base = 0 '\000', limit = 255 '\377', padding = {0 '\000', 0 '\000', 0 '\000'}}, cr0
        = 51 '3', cr2 = 0 '\000', cr3 = 0 '\000', cr4 = 176 '\260', cr8 = 0 '\000', efer = 1 '\001', apic_base = 0 '\000',
        interrupt_bitmap = {0 '\000', 0 '\000', 0 '\000', 0 '\000'}}
        $2 = {rax = 0 '\000', rbx = 0 '\000', rcx = 0 '\000', rdx = 0 '\000', rsi = 0 '\000', rdi = 0 '\000', rsp = 0 '\000',
        rbp = 0 '\000', r8 = 0 '\000', r9 = 0 '\000', r10 = 0 '\000', r11 = 0 '\000', r12 = 0 '\000', r13 = 0 '\000', r14 = 0
        '\000', r15 = 0 '\000', rip = 0 '\000', rflags = 2 '\002'}
        """;

    /// <summary>print/f.</summary>
    public const string Floating =
        """
        $1 = {cs = {base = 0, limit = -nan(0x7fffff), selector = 8, type = 11, present = 1, dpl = 0, db = 0, s = 1, l = 1, g =
        1, avl = 0, unusable = 0, padding = 0}, ds = {base = 0, limit = -nan(0x7fffff), selector = 16, type = 3, present = 1,
        dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, es = {base = 0, limit = -nan(0x7fffff),
        selector = 16, type = 3, present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, fs =
        {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s = 0, l = 0, g = 0, avl = 0, unusable = 1,
        padding = 0}, gs = {base = -nan(0xf88801f400000), limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db = 0, s =
        0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, ss = {base = 0, limit = -nan(0x7fffff), selector = 16, type = 3,
        present = 1, dpl = 0, db = 1, s = 1, l = 0, g = 1, avl = 0, unusable = 0, padding = 0}, tr = {base =
        -nan(0xffe0000003000), limit = 1.44333742e-43, selector = 64, type = 11, present = 1, dpl = 0, db = 0, s = 0, l = 0, g =
        0, avl = 0, unusable = 0, padding = 0}, ldt = {base = 0, limit = 0, selector = 0, type = 0, present = 0, dpl = 0, db =
        0, s = 0, l = 0, g = 0, avl = 0, unusable = 1, padding = 0}, gdt = {base = -nan(0xffe0000001000), limit = 127, padding =
        {0, 0, 0}}, idt = {base = -nan(0xffe0000000000), limit = 4095, padding = {0, 0, 0}}, cr0 = 1.0611598161108134e-314, cr2
        = 0, cr3 = 5.1806537865363094e-318, cr4 = 8.4584038568021408e-321, cr8 = 0, efer = 1.6447445350055097e-320, apic_base =
        2.112671752476755e-314, interrupt_bitmap = {0, 0, 0, 0}}
        $2 = {rax = 0, rbx = 0, rcx = 0, rdx = 0, rsi = 0, rdi = 0, rsp = -nan(0xffffffffffe00), rbp = 0, r8 = 0, r9 = 0, r10 =
        0, r11 = 0, r12 = 0, r13 = 0, r14 = 0, r15 = 0, rip = 2.0236928853657458e-320, rflags = 9.8813129168249309e-324}
        """;
}
