using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Observation;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Kvm.Trace;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Kvm;

/// <summary>What is written down of the system calls for KVM: all of them, in order, with the values that were passed.</summary>
public sealed partial class KvmTraceTests
{
    private const int LongestStructure = 4096;

    public static TheoryData<string> IoctlsInUse()
    {
        string[] folders = ["src/Vitrine.Accelerators.Kvm", "src/Vitrine.KvmServer"];
        IEnumerable<string> sources = folders
            .SelectMany(folder => Directory.GetFiles(Path.Combine(RepositoryRoot.Path, folder), "*.cs", SearchOption.AllDirectories))
            .Where(path => !path.Contains("/obj/", StringComparison.Ordinal) && !path.EndsWith("KvmError.cs", StringComparison.Ordinal));
        return [.. sources.SelectMany(path => Request().Matches(File.ReadAllText(path))).Select(match => match.Groups[1].Value).Distinct().Order()];
    }

    /// <summary>Read from the sources, so that a new ioctl without a decoder fails.</summary>
    [Theory]
    [MemberData(nameof(IoctlsInUse))]
    public unsafe void EachIoctlInUseHasItsDecoder(string name)
    {
        uint request = (uint)typeof(KvmIoctl).GetField(name, BindingFlags.Public | BindingFlags.Static)!.GetRawConstantValue()!;
        void* argument = NativeMemory.AllocZeroed(LongestStructure);
        try
        {
            Assert.Contains(Enum.GetValues<KvmDescriptorKind>(), kind =>
                KvmIoctlName.Of(kind, request) == name &&
                IoctlDecoder.TryDecode(new IoctlCall(kind, request, (ulong)argument, OwnMemory.Instance), 0, new CallArguments(), out _));
        }
        finally
        {
            NativeMemory.Free(argument);
        }
    }

    /// <summary>A client that is served may pass any number as an address.</summary>
    [Fact]
    public void AnArgumentThatCannotBeReadIsShownAsItIs()
    {
        foreach (FieldInfo field in typeof(KvmIoctl).GetFields(BindingFlags.Public | BindingFlags.Static))
        {
            uint request = (uint)field.GetRawConstantValue()!;
            foreach (KvmDescriptorKind kind in Enum.GetValues<KvmDescriptorKind>())
            {
                CallArguments arguments = new();
                string text = IoctlDecoder.Decode(new IoctlCall(kind, request, 0xBAD, new NoMemory()), -Errno.EFAULT, arguments);
                Assert.Equal("-EFAULT", text);
                bool known = !KvmIoctlName.Of(kind, request).StartsWith("ioctl", StringComparison.Ordinal);
                bool pointsIntoMemory = (request >> 30) != 0;
                bool isGet = field.Name.Contains("_GET_", StringComparison.Ordinal);
                if (known && pointsIntoMemory && !isGet) Assert.Equal([new("argument", "0xbad")], arguments.Items);
            }
        }
    }

    /// <summary>Counts are the client's.</summary>
    [Fact]
    public unsafe void AListIsReadNoFurtherThanTheKernelTakes()
    {
        byte[] bytes = new byte[sizeof(kvm_msrs) + (256 * sizeof(kvm_msr_entry))];
        BitConverter.TryWriteBytes(bytes, uint.MaxValue);
        CallArguments arguments = new();
        IoctlCall call = new(KvmDescriptorKind.Vcpu, KvmIoctl.KVM_SET_MSRS, 0, new ByteMemory(bytes));
        Assert.Equal("-E2BIG", IoctlDecoder.Decode(call, -Errno.E2BIG, arguments));
        Assert.Equal(1 + 256, arguments.Items.Count);
    }

    [Fact]
    public void ALineKeepsItsNumberBesideItsStatus()
    {
        byte[] bytes = [4, 0, 0, 0, 1, 0, 0, 0];
        IoctlCall call = new(KvmDescriptorKind.Vm, KvmIoctl.KVM_IRQ_LINE_STATUS, 0, new ByteMemory(bytes));
        BitConverter.TryWriteBytes(bytes, -1);
        CallArguments arguments = new();
        Assert.Equal("0", IoctlDecoder.Decode(call, 0, arguments));
        Assert.Equal([new("irq", "4"), new("level", "1"), new("status", "-1")], arguments.Items);
    }

    [Fact]
    public void ALifeIsWrittenDownCallByCall()
    {
        CallLog log = new();
        RecordingKvmSystem kernel = new();
        ulong host;
        using (KvmGuest guest = new(new KvmOptions { Calls = log }, kernel))
        {
            guest.LoadReal(
                a =>
                {
                    a.mov(al, 0x41);
                    a.@out(0x80, al);
                    a.@in(al, 0x81);
                },
                state => state.Gpr[Gpr.Rbx] = 0xB0B);
            guest.Vcpu.Run();
            guest.Vcpu.Run();
            Assert.True(guest.Vcpu.TryTranslate(0x1234, out _));
            unsafe
            {
                host = (ulong)guest.Ram.Pointer;
            }
        }

        IReadOnlyList<CallRecord> calls = log.Calls;
        Assert.Equal(kernel.Names, calls.Where(call => call.Name.StartsWith("KVM_", StringComparison.Ordinal)).Select(call => call.Name));
        Assert.Equal(("/dev/kvm", "open"), (calls[0].Target, calls[0].Name));
        Assert.Equal("12", Single("KVM_GET_API_VERSION").Result);
        Assert.Matches("^fd [0-9]+$", Single("KVM_CREATE_VM").Result);
        Assert.Equal(("vm fd", "0"), (Single("KVM_CREATE_VCPU").Target, Argument("KVM_CREATE_VCPU", "id")));
        Assert.Contains(calls, call => call.Name == "KVM_CHECK_EXTENSION" && call.Arguments[0].Value == "KVM_CAP_IRQCHIP" && call.Result == "1");
        Assert.Equal("0xfeffc000", Argument("KVM_SET_IDENTITY_MAP_ADDR", "address"));
        Assert.Equal("0xfeffd000", Argument("KVM_SET_TSS_ADDR", "address"));
        Assert.Equal(
            [new("slot", "0"), new("flags", "0"), new("guest_phys_addr", "0x0"), new("memory_size", "0x100000"), new("userspace_addr", "0x" + host.ToString("x", CultureInfo.InvariantCulture))],
            Single("KVM_SET_USER_MEMORY_REGION").Arguments);
        Assert.Equal(["-E2BIG", "0"], calls.Where(call => call.Name == "KVM_GET_MSR_INDEX_LIST").Select(call => call.Result));
        Assert.Equal("vcpu fd 0", Single("KVM_SET_CPUID2").Target);
        Assert.Equal(Argument("KVM_SET_CPUID2", "nent"), (Single("KVM_SET_CPUID2").Arguments.Count - 1).ToString(CultureInfo.InvariantCulture));
        Assert.Equal(("0x1000", "0xb0b", "0x2"), (Argument("KVM_SET_REGS", "rip"), Argument("KVM_SET_REGS", "rbx"), Argument("KVM_SET_REGS", "rflags")));
        Assert.Equal("0000 base=0 limit=ffff access=9b", Argument("KVM_SET_SREGS2", "cs"));
        Assert.Equal(("0x60000010", "0xfee00900"), (Argument("KVM_SET_SREGS2", "cr0"), Argument("KVM_SET_SREGS2", "apic_base")));
        Assert.Equal("0x7040600070406", Argument("KVM_SET_MSRS", "IA32_PAT"));
        Assert.Equal("0x37f", Argument("KVM_SET_XSAVE", "fcw"));
        Assert.Equal(("1", "0x1"), (Argument("KVM_SET_XCRS", "nr_xcrs"), Argument("KVM_SET_XCRS", "xcr0")));
        Assert.Equal("0 (Runnable)", Argument("KVM_SET_MP_STATE", "mp_state"));
        Assert.Equal(("0xffff0ff0", "0x400"), (Argument("KVM_SET_DEBUGREGS", "dr6"), Argument("KVM_SET_DEBUGREGS", "dr7")));
        Assert.Equal("0xff", Argument("KVM_SET_LAPIC", "APIC[0x0F0]"));
        Assert.Equal(
            ["KVM_EXIT_IO (out 1 byte to port 0x80: 0x41)", "KVM_EXIT_IO (in 1 byte from port 0x81)"],
            calls.Where(call => call.Name == "KVM_RUN").Select(call => call.Result).Take(2));
        Assert.Equal([new("linear_address", "0x1234"), new("physical_address", "0x1234"), new("valid", "1")], Single("KVM_TRANSLATE").Arguments);
        Assert.Equal("vcpu fd 0", Single("mmap").Target);
        Assert.Equal(["process munmap", "vcpu fd 0 close", "vm fd close", "/dev/kvm close"], calls.TakeLast(4).Select(call => $"{call.Target} {call.Name}"));

        CallRecord Single(string name) => Assert.Single(calls, call => call.Name == name);

        string Argument(string name, string argument) =>
            calls.Last(call => call.Name == name && call.Arguments.Any(pair => pair.Key == argument)).Arguments.First(pair => pair.Key == argument).Value;
    }

    [Fact]
    public void AFailedCallIsWrittenDownWithItsError()
    {
        CallLog log = new();
        RecordingKvmSystem kernel = new() { Answer = (ioctl, _) => ioctl == nameof(KvmIoctl.KVM_SET_DEBUGREGS) ? -Errno.EINVAL : null };
        using KvmGuest guest = new(new KvmOptions { Calls = log }, kernel);
        Assert.Throws<VitrineException>(() => guest.LoadReal(a => a.hlt()));
        Assert.Equal("-EINVAL", log.Calls[^1].Result);
    }

    [Fact]
    public void SteppingIsOneCallHoweverOften()
    {
        CallLog log = new();
        using KvmGuest guest = new(new KvmOptions { Calls = log });
        guest.LoadReal(a =>
        {
            for (int i = 0; i < 4; i++) a.nop();
        });
        for (ulong i = 1; i <= 3; i++)
        {
            guest.Vcpu.SingleStep = true;
            Assert.Equal((Vitrine.Accelerators.VmExitReason.Debug, KvmGuest.CodeAddress + i), (guest.Vcpu.Run().Reason, guest.State().Rip));
            guest.Vcpu.SingleStep = false;
        }

        CallRecord call = Assert.Single(log.Calls, call => call.Name == "KVM_SET_GUEST_DEBUG");
        Assert.Equal("KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP", call.Arguments[0].Value);
        Assert.StartsWith("KVM_EXIT_DEBUG (exception 1, stopped at linear address 0x1003, ", log.Calls.Last(call => call.Name == "KVM_RUN").Result, StringComparison.Ordinal);
    }

    private sealed class NoMemory : IArgumentMemory
    {
        public bool TryRead(ulong address, Span<byte> destination) => false;
    }

    private sealed class ByteMemory(byte[] bytes) : IArgumentMemory
    {
        public bool TryRead(ulong address, Span<byte> destination)
        {
            if (address > (ulong)bytes.Length || (ulong)bytes.Length - address < (ulong)destination.Length) return false;
            bytes.AsSpan((int)address, destination.Length).CopyTo(destination);
            return true;
        }
    }

    [GeneratedRegex(@"KvmIoctl\.(KVM_[A-Z0-9_]+)")]
    private static partial Regex Request();
}
