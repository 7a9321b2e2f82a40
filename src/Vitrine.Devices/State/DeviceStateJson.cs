using System.Text.Json.Serialization;
using Vitrine.Devices.Interrupts;
using Vitrine.Devices.Keyboard;
using Vitrine.Devices.Power;
using Vitrine.Devices.Serial;
using Vitrine.Devices.Timing;
using Vitrine.Devices.Virtio;
using Vitrine.Devices.Virtio.Queues;

namespace Vitrine.Devices.State;

/// <summary>How the state types of the devices are written as JSON.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    IncludeFields = true,
    UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    MaxDepth = 8)]
[JsonSerializable(typeof(NoState))]
[JsonSerializable(typeof(ByteRegister))]
[JsonSerializable(typeof(Pic8259.State), TypeInfoPropertyName = nameof(Pic8259))]
[JsonSerializable(typeof(Ioapic.State), TypeInfoPropertyName = nameof(Ioapic))]
[JsonSerializable(typeof(Pit8254.State), TypeInfoPropertyName = nameof(Pit8254))]
[JsonSerializable(typeof(PitCounter.State), TypeInfoPropertyName = nameof(PitCounter))]
[JsonSerializable(typeof(PitCounter.State[]), TypeInfoPropertyName = "PitCounters")]
[JsonSerializable(typeof(CmosRtc.State), TypeInfoPropertyName = nameof(CmosRtc))]
[JsonSerializable(typeof(I8042.State), TypeInfoPropertyName = nameof(I8042))]
[JsonSerializable(typeof(AcpiPowerManagement.State), TypeInfoPropertyName = nameof(AcpiPowerManagement))]
[JsonSerializable(typeof(Uart16550.State), TypeInfoPropertyName = nameof(Uart16550))]
[JsonSerializable(typeof(VirtioMmio.State), TypeInfoPropertyName = nameof(VirtioMmio))]
[JsonSerializable(typeof(VirtioQueueState))]
[JsonSerializable(typeof(VirtioQueueState[]), TypeInfoPropertyName = "VirtioQueues")]
internal sealed partial class DeviceStateJson : JsonSerializerContext;
