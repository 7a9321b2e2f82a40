using Iced.Intel;
using Vitrine.Boot;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Guests;

/// <summary>
/// Guests for machines with several processors, which the boot processor starts with INIT and start-up IPIs (SDM vol. 3, 9.4.4 "MP Initialization Example").
/// Not in the catalog, whose machines have one.
/// </summary>
public static class ProcessorGuests
{
    private const byte StartPage = 6;
    private const uint Trampoline = StartPage << 12;
    private const uint Count = Trampoline + 0xF00;
    private const uint Seen = Trampoline + 0xF10;
    private const uint Boots = 0x5000;
    private const uint ApicSpurious = 0xFEE0_00F0;
    private const uint ApicCommand = 0xFEE0_0300;
    private const uint ToOthers = 3 << 18;
    private const uint Init = ToOthers | 0x4500;
    private const uint StartUp = ToOthers | 0x4600 | StartPage;

    /// <summary>
    /// Each of the other processors counts itself and marks its APIC id, as CPUID says it. Leaves with the number of processors that came, and in bits
    /// 7:4 how many of the ids from 1 on are marked.
    /// </summary>
    /// <param name="cpus">How many processors the machine has.</param>
    public static GuestProgram StartOthers(int cpus)
    {
        GuestAssembler guest = new(FlatMode.Protected);
        Start(guest, cpus, runOn: false);
        Report(guest, cpus);
        return new GuestProgram($"start-{cpus}", FlatMode.Protected, guest.Assemble(), GuestEnd.DebugExit) { ExitValue = Result(cpus) };
    }

    /// <summary>
    /// Starts the others, which then count for ever, and resets the machine. Behind the reset they must wait again: the boot processor looks whether
    /// one still counts, then starts them once more. Leaves as <see cref="StartOthers"/> does, or with FFh when one ran.
    /// </summary>
    /// <param name="cpus">How many processors the machine has.</param>
    public static GuestProgram ResetWhileOthersRun(int cpus)
    {
        GuestAssembler guest = new(FlatMode.Protected);
        Assembler code = guest.Code;
        Mark again = guest.NewLabel();
        Mark look = guest.NewLabel();
        Mark waits = guest.NewLabel();
        code.inc(__dword_ptr[Boots]);
        code.cmp(__dword_ptr[Boots], 1);
        code.jne(again);
        Start(guest, cpus, runOn: true);
        guest.Out(Ports.KeyboardCommand, 0xFE);
        guest.Stop();

        guest.Place(again);
        code.mov(ecx, 2000);
        code.mov(eax, __dword_ptr[Seen + 0x40]);
        guest.Place(look);
        code.pause();
        code.dec(ecx);
        code.jne(look);
        code.cmp(eax, __dword_ptr[Seen + 0x40]);
        code.je(waits);
        guest.DebugExit(0xFF);
        guest.Place(waits);
        for (uint offset = 0; offset < 0x20; offset += 4) code.mov(__dword_ptr[Count + offset], 0);
        Start(guest, cpus, runOn: false);
        Report(guest, cpus);
        return new GuestProgram($"reset-{cpus}", FlatMode.Protected, guest.Assemble(), GuestEnd.DebugExit) { ExitValue = Result(cpus) };
    }

    private static byte Result(int cpus) => (byte)((cpus - 1) | ((cpus - 1) << 4));

    private static void Start(GuestAssembler guest, int cpus, bool runOn)
    {
        Assembler code = guest.Code;
        byte[] others = Others(runOn);
        guest.LoadSource(guest.Data(others));
        code.cld();
        code.mov(edi, Trampoline);
        code.mov(ecx, others.Length);
        code.rep.movsb();
        code.mov(__dword_ptr[ApicSpurious], 0x1FF);
        code.mov(__dword_ptr[ApicCommand], Init);

        // The second is for processors that have missed the first; the others ignore it.
        code.mov(__dword_ptr[ApicCommand], StartUp);
        code.mov(__dword_ptr[ApicCommand], StartUp);
        Mark wait = guest.NewLabel();
        Mark done = guest.NewLabel();
        guest.Place(wait);
        code.cmp(__dword_ptr[Count], cpus - 1);
        code.je(done);
        code.pause();
        code.jmp(wait);
        guest.Place(done);
    }

    // Real mode, CS:IP 0600:0000.
    private static byte[] Others(bool runOn)
    {
        Assembler code = new(16);
        code.xor(ax, ax);
        code.mov(ds, ax);
        code.mov(eax, 1);
        code.cpuid();
        code.shr(ebx, 24);
        code.mov(__byte_ptr[bx + (int)Seen], 1);
        code.@lock.inc(__dword_ptr[(ushort)Count]);
        Label last = code.CreateLabel();
        code.Label(ref last);
        if (runOn) code.inc(__dword_ptr[(ushort)(Seen + 0x40)]);
        else code.hlt();
        code.jmp(last);
        using MemoryStream stream = new();
        code.Assemble(new StreamCodeWriter(stream), 0);
        return stream.ToArray();
    }

    private static void Report(GuestAssembler guest, int cpus)
    {
        Assembler code = guest.Code;
        code.xor(eax, eax);
        for (uint id = 1; id < cpus; id++) code.add(al, __byte_ptr[Seen + id]);
        code.shl(al, 4);
        code.or(al, __byte_ptr[Count]);
        guest.DebugExit();
    }
}
