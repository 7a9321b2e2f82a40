using System.Buffers.Binary;
using System.Numerics;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.Apic;
using Vitrine.Boot;
using Vitrine.Guests;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Lockstep;

/// <summary>
/// Interrupts at random moments of a guest in lockstep: before any of its blocks, its handlers' included. Each is delivered once, and the interrupted work comes
/// to what it comes to without them.
/// </summary>
public sealed class InterruptInjectionTests
{
    private const int Rounds = 3000;
    private const uint Numbers = 0x20_0000;
    private const uint Interrupts = 0x20_1000;
    private const uint Nmis = 0x20_1004;
    private const uint Done = 0x20_1008;
    private const uint Sum = 0x20_1010;
    private const byte NmiVector = 2;
    private const byte Vector = 0x51;
    private const uint Multiplier = 0x9E37_79B1;

    // Each run takes another one too; a failure names it.
    private static readonly int s_fresh = Random.Shared.Next();

    public static TheoryData<FlatMode, int> Runs => new()
    {
        { FlatMode.Long, 1 }, { FlatMode.Long, 2 }, { FlatMode.Long, s_fresh },
        { FlatMode.Protected, 1 }, { FlatMode.Protected, 2 }, { FlatMode.Protected, s_fresh },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void EachIsDeliveredOnceAndChangesNothing(FlatMode mode, int seed)
    {
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(Guest(mode), GuestProgram.Address, GuestProgram.Address.Value, mode),
            Accelerator = AcceleratorChoice.Soft,
            MemoryBytes = 16 << 20,
            Software = new SoftwareOptions { Lockstep = true },
        });
        SoftwareVcpu vcpu = (SoftwareVcpu)machine.GetTranslator(0)!;
        Random random = new(seed);
        uint interrupts = 0;
        uint nmis = 0;
        vcpu.Lockstep!.BeforeBlock = () =>
        {
            // One that waits while the next comes is the same one.
            int choice = random.Next(8);
            if (choice > 1 || !vcpu.LocalApic.AcceptsVectors || Read(Done) != 0) return;
            if (choice == 0 && Read(Interrupts) == interrupts)
            {
                interrupts++;
                vcpu.LocalApic.Post(new InterruptCommand(Vector, DeliveryMode.Fixed, Logical: false, Destination: 0, LevelTriggered: false));
            }
            else if (choice == 1 && Read(Nmis) == nmis)
            {
                nmis++;
                vcpu.LocalApic.PostNmi();
            }
        };
        machine.Start();
        VmEnd? end = machine.Wait(TimeSpan.FromMinutes(2));
        if (end is null)
        {
            machine.Stop();
            Assert.Fail($"Seed {seed}: no end. {machine.Wait()!.Report}");
        }

        Assert.True(end is { Reason: VmEndReason.DebugExit, Value: 7 }, $"Seed {seed}: {end.Report}");
        Assert.True((interrupts, nmis) == (Read(Interrupts), Read(Nmis)), $"Seed {seed}: {interrupts} interrupts and {nmis} NMIs, the guest counts {Read(Interrupts)} and {Read(Nmis)}.");
        Assert.True(Expected() == Read(Sum), $"Seed {seed}: the sum is {Read(Sum):x}, not {Expected():x}.");

        // At least one in a hundred rounds, of each kind.
        Assert.InRange(Math.Min(interrupts, nmis), (uint)Rounds / 100, uint.MaxValue);

        uint Read(uint address)
        {
            Span<byte> bytes = stackalloc byte[4];
            Assert.True(machine.Memory.TryRead(new Gpa(address), bytes));
            return BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        }
    }

    // What the guest's loop computes.
    private static uint Expected()
    {
        uint sum = 0;
        uint carries = 0;
        for (uint i = Rounds; i > 0; i--)
        {
            uint product = unchecked(i * Multiplier);
            bool carry = uint.MaxValue - sum < product;
            sum = unchecked(sum + product);
            if (carry) carries++;
            sum = BitOperations.RotateLeft(sum, 5);
            sum ^= carries;
        }

        return sum;
    }

    private static byte[] Guest(FlatMode mode)
    {
        const uint SpuriousInterruptRegister = 0xFEE0_00F0;
        const uint Enabled = 0x1FF;
        GuestAssembler guest = new(mode);
        Assembler a = guest.Code;
        Mark interrupt = guest.NewLabel();
        Mark nmi = guest.NewLabel();
        a.cli();

        // CR4.OSFXSR: without it SSE instructions raise #UD (SDM vol. 3, 2.5).
        a.mov(eax, 1 << 9);
        if (mode == FlatMode.Long)
        {
            a.mov(rdx, cr4);
            a.or(rdx, rax);
            a.mov(cr4, rdx);
        }
        else
        {
            a.mov(edx, cr4);
            a.or(edx, eax);
            a.mov(cr4, edx);
        }

        guest.SetGate(Vector, interrupt);
        guest.SetGate(NmiVector, nmi);
        guest.LoadInterruptTable();
        Store(SpuriousInterruptRegister, Enabled);
        a.sti();
        a.mov(ecx, Rounds);
        a.xor(eax, eax);
        a.xor(ebp, ebp);
        Mark function = guest.NewLabel();
        Mark noCarry = guest.NewLabel();
        Mark enabled = guest.NewLabel();
        Mark end = guest.NewLabel();
        Mark again = guest.Here();
        a.imul(edx, ecx, unchecked((int)Multiplier));
        a.add(eax, edx);

        // The carry has to survive the interrupts at a block's end.
        Mark next = guest.NewLabel();
        a.jmp(next);
        guest.Place(next);
        a.jnc(noCarry);
        a.inc(ebp);
        guest.Place(noCarry);
        a.call(function);
        a.test(ecx, 3);
        a.jne(enabled);
        a.cli();
        a.xor(eax, ebp);
        a.sti();
        a.xor(eax, ebp);
        guest.Place(enabled);
        a.xor(eax, ebp);
        a.dec(ecx);
        a.jne(again);
        a.jmp(end);

        // Through memory, the stack, and the vector and x87 registers.
        guest.Place(function);
        guest.PushAccumulator();
        a.mov(edx, Numbers);
        AssemblerRegister64 wide = rdx;
        AssemblerMemoryOperand number = mode == FlatMode.Long ? __dword_ptr[wide] : __dword_ptr[edx];
        a.mov(number, eax);
        a.movd(xmm3, number);
        a.rol(number, 5);
        a.fild(mode == FlatMode.Long ? __qword_ptr[wide] : __qword_ptr[edx]);
        a.movd(eax, xmm3);
        a.rol(eax, 5);
        a.fistp(mode == FlatMode.Long ? __qword_ptr[wide] : __qword_ptr[edx]);
        a.movd(xmm3, number);
        guest.PopAccumulator();
        a.movd(eax, xmm3);
        a.ret();

        guest.Place(end);
        a.cli();
        a.mov(edx, Sum);
        if (mode == FlatMode.Long) a.mov(__dword_ptr[rdx], eax);
        else a.mov(__dword_ptr[edx], eax);
        Store(Done, 1);
        a.sti();
        a.nop();
        a.nop();
        a.cli();
        guest.DebugExit(7);

        guest.Place(interrupt);
        guest.PushAccumulator();
        Count(Interrupts);
        Store(0xFEE0_00B0, 0);
        guest.PopAccumulator();
        guest.InterruptReturn();
        guest.Place(nmi);
        guest.PushAccumulator();
        Count(Nmis);
        guest.PopAccumulator();
        guest.InterruptReturn();
        return guest.Assemble();

        void Store(uint address, uint value)
        {
            a.mov(eax, address);
            if (mode == FlatMode.Long) a.mov(__dword_ptr[rax], value);
            else a.mov(__dword_ptr[eax], value);
        }

        // Changes flags and registers that the interrupted code uses, and puts them back.
        void Count(uint address)
        {
            a.mov(eax, address);
            if (mode == FlatMode.Long) a.add(__dword_ptr[rax], 1);
            else a.add(__dword_ptr[eax], 1);
        }
    }
}
